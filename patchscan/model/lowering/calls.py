"""Calls: stubs and functions that are looked into, and what is noted of the rest."""

from functools import partial

from tree_sitter import Node

from patchscan.basics.pattern import pattern
from patchscan.c.nodes import arguments, nodes
from patchscan.codebase.definition import Definition
from patchscan.model.lowering import masks
from patchscan.model.lowering.abstract_values import (
    Address,
    Const,
    FunctionName,
    Local,
    Named,
    Register,
    Unknown,
    Value,
)
from patchscan.model.lowering.accesses import read, write
from patchscan.model.lowering.builtins import PRIMITIVES
from patchscan.model.lowering.environment import LOCKED, Environment, Unfollowed
from patchscan.model.lowering.exposed import forget, handed_over, holds_object
from patchscan.model.lowering.inlining import inline
from patchscan.model.lowering.lowered import Choice, Close, Fence, Hole, Lock, Open, Wait, walk
from patchscan.model.lowering.meanwhile import (
    forget_functions,
    keys_may_turn,
    objects_lie_about,
    others_may_change,
)
from patchscan.model.lowering.memory import Context, Frame, Out, place_of
from patchscan.model.lowering.reach import SLEEPING, SMALL, Callee
from patchscan.model.lowering.targets import dereference
from patchscan.model.lowering.type_names import pointee, structure_of, whole
from patchscan.model.lowering.typing import find, type_of

# What a parameter leads to that takes any memory.
_BYTES = frozenset({"void", "u8", "__u8", "uint8_t", "char", "unsigned char"})
_LOCKS = frozenset({"spinlock_t", "raw_spinlock_t", "rwlock_t", "struct mutex", "struct rw_semaphore"})
_NONE: frozenset[str] = frozenset()
_NO_PLACE: frozenset[int] = frozenset()
# Of inline assembly: something in the first string.
_TEMPLATE = pattern(r'^[^"]*"[^":]*\w')
# What it sets: the first name behind a constraint that says so.
_SET = pattern(r'"[=+][^"]*"\s*\([\s(*]*([A-Za-z_]\w*)')
_AT_ONCE = pattern(r"GFP_(?:ATOMIC|NOWAIT)")
# Begins the serial of what a call that was not looked into made of an object that the model keeps.
DERIVED = "of"
_ACTIONS = (Close, Fence, Lock, Open, Wait)


def evaluate_call(context: Context, node: Node, env: Environment, frame: Frame, out: Out) -> Value:
    """The value of a call, its events appended."""
    callee, given = node.child_by_field_name("function"), arguments(node.child_by_field_name("arguments"))
    assert callee is not None
    name, near = frame.text(callee), frame.path
    if callee.type != "identifier" or find(name, frame):
        value = context.evaluate(context, callee, env, frame, out)
        if not isinstance(value, FunctionName):
            return _indirect(context, node, name, env, frame, out)
        name, near = value.name, value.path
    special = PRIMITIVES.get(name)
    if special is not None:
        return special(context, node, given, env, frame, out)
    stub, operation = context.stub(name), masks.OPERATIONS.get(name)
    known_name = stub is not None or operation is not None
    if not (frame.definition.stub or context.by_field) and _is_doubtful(context, known_name, name, near):
        out.append(Hole(name, "parse", _NONE, _NONE, True, place_of(frame, node)))
    if stub is not None or operation is not None:
        own = not frame.definition.stub and context.code.own(name, near)
        if operation is not None and not own and not (context.by_field and stub is not None):
            return operation(context, given, env, frame, out)
        stub = None if own else stub
    known = context.callee(name, near)
    if stub is None and known is None:
        stub = context.stub(context.other_name(name, near))
    if stub is not None and (not context.names(name) or known is None):
        return inline(context, stub, node, given, env, frame, out)
    if known is not None and _look_into(context, known, name, near, frame):
        definition = context.code.callee(name, near)
        assert definition is not None
        if b"__weak" in definition.text and context.code.overridable(name, near):
            context.assumptions.add(f"{name}() is the weak one of {definition.path}")
        return inline(context, definition, node, given, env, frame, out)
    if known is not None and _is_recursive(context, known, name, near, frame):
        out.append(Hole(name, "called from inside of it", _NONE, _NONE, True, place_of(frame, node)))
    if known is not None and _is_lost(context, known, name, near, frame):
        out.append(Hole(name, "budget", _NONE, _NONE, True, place_of(frame, node)))
    if context.by_field and known is None and frame.depth <= 1:
        other = context.code.elsewhere(name, near)
        if other is not None and (context.reach.mentions(other) or _is_inline(other, near)):
            return inline(context, other, node, given, env, frame, out)
    return _not_looked_into(context, name, near, node, given, env, frame, out)


def evaluate_assembly(context: Context, node: Node, env: Environment, frame: Frame, out: Out) -> Value:
    """Instructions are not followed; an empty template only keeps the compiler from moving code."""
    if _TEMPLATE.search(frame.text(node)):
        out.append(Hole("asm", "assembly", frozenset(), frozenset(), False, place_of(frame, node)))
    for name in _SET.findall(frame.text(node)):
        _forget_named(context, name, env, frame)
    return Const(0)


def _forget_named(context: Context, name: str, env: Environment, frame: Frame) -> None:
    """A variable by that name, or what it leads to, may have been set."""
    while name in frame.bound:
        node, frame = frame.bound[name]
        first = next((each for each in nodes(node) if each.type == "identifier"), None)
        name = frame.text(first) if first is not None else ""
    if find(name, frame):
        where = Local(frame.number, name, frame.types[name])
        held = env.get((frame.number, name))
        handed_over(context, env, [Address(where), *([held] if held is not None else [])])


def _is_doubtful(context: Context, known: bool, name: str, near: str) -> bool:
    """Whether a macro may mean something else by a name; known: that the model has a meaning for."""
    return context.code.replaced(name, near) if known else context.code.redefined(name, near)


def _look_into(context: Context, callee: Callee, name: str, near: str, frame: Frame) -> bool:
    if _is_too_deep(context, frame) or _is_inside(callee, name, frame):
        return False
    called_back = frame.definition.stub and not callee.by_name
    small = context.by_field and not callee.by_name and callee.small
    # Asked last: the fewer answers a lowering rests on, the more others may take it again.
    return called_back or small or callee.simple or callee.paired or context.looks_into(name, near)


def _is_too_deep(context: Context, frame: Frame) -> bool:
    return frame.depth >= context.depth


def _is_lost(context: Context, callee: Callee, name: str, near: str, frame: Frame) -> bool:
    """Whether a call is not looked into only because it is too deep, where that must not be."""
    deep = not context.by_field and _is_too_deep(context, frame)
    return deep and not _is_inside(callee, name, frame) and context.looks_into(name, near)


def _is_recursive(context: Context, callee: Callee, name: str, near: str, frame: Frame) -> bool:
    """Whether a call is not looked into only because it is made from inside of what it calls."""
    return not callee.by_name and _is_inside(callee, name, frame) and context.looks_into(name, near)


def _is_inside(callee: Callee, name: str, frame: Frame) -> bool:
    """Whether a call is made from inside of the function that is called."""
    return any(up.definition.name == name and up.definition.path == callee.path for up in frame.chain())


def _is_inline(definition: Definition, near: str) -> bool:
    """A small function of a header, or a small macro of one beside the file that uses it."""
    if not definition.path.endswith(".h") or len(definition.text) >= SMALL:
        return False
    return not definition.by_name or definition.path.rpartition("/")[0] == near.rpartition("/")[0]


def _indirect(context: Context, node: Node, name: str, env: Environment, frame: Frame, out: Out) -> Value:
    """A call through a pointer the model cannot follow: what it gives depends on who set the pointer."""
    given = arguments(node.child_by_field_name("arguments"))
    values = [context.evaluate(context, argument, env, frame, out) for argument in given]
    may = frozenset({"write"}) if any(_is_kept(context, value) for value in values) else _NONE
    if not context.by_field and not context.reach.in_reader and objects_lie_about(env):
        may = frozenset({"write"})
    handed_over(context, env, values)
    forget_functions(context, env)
    _forget_changed(context, Unfollowed(name, "", frame.path, False, frozenset(), indirect=True), env)
    out.append(Hole(name, "indirect call", _NONE, may, False, place_of(frame, node)))
    return context.unknown(name + "()", prefix="m")


def _not_looked_into(
    context: Context,
    name: str,
    near: str,
    node: Node,
    given: list[Node],
    env: Environment,
    frame: Frame,
    out: Out,
) -> Value:
    """A call left out: its arguments are evaluated, what it may do is noted, its result is unknown."""
    effects = context.effects(name, near, frame.path)
    events = Out()
    values = [context.evaluate(context, argument, env, frame, events) for argument in given]
    if effects is None and any(isinstance(event, _ACTIONS) for event in walk(tuple(events))):
        # It may be a macro that does not evaluate them, as those for debugging are.
        text, place = f"{name}() evaluates its arguments", place_of(frame, node)
        events = Out([Choice(f"u{context.next()}", text, tuple(events), (), place)])
    out.extend(events)
    is_given = False
    if effects is None and not context.by_field and not context.reach.in_reader:
        types = [type_of(context, argument, frame) for argument in given]
        is_given = objects_lie_about(env) or any(map(partial(holds_object, env), values, types))
    only_read = context.only_reads(name, near, frame.path) if any(map(_is_address, values)) else _NO_PLACE
    handed_over(context, env, [each for place, each in enumerate(values) if place not in only_read])
    if effects is None:
        forget_functions(context, env)
    else:
        keys_may_turn(context, name, near, frame.path, env)
    _set_by_name(context, name, near, given, effects is not None, env, frame)
    _forget_watched(context, name, near, given, effects is not None, env, frame)
    definition = context.called(name, near, frame.path) if context.by_field else None
    if definition is not None:
        _hand_on(context, definition, values, node, env, frame, out)
    may, always = effects or (_NONE, _NONE)
    locks = (
        _is_lock(each, type_of(context, node, frame), env) for each, node in zip(values, given, strict=True)
    )
    if "end" in may or any(locks):
        others_may_change(context, frame.path, env)
    if any("GFP_KERNEL" in frame.text(argument) for argument in given) or _may_sleep(
        context, name, given, frame
    ):
        may |= {"end"}
    is_given |= any(_is_kept(context, value) for value in values)
    if is_given:
        may |= {"write"}
    if effects is None or always or may & {"wait", "free", "write", "end"}:
        out.append(Hole(name, "call", always, may, effects is not None, place_of(frame, node)))
    kind = type_of(context, node, frame)
    return context.unknown(name + "()", kind, DERIVED if is_given else "u")


def _is_lock(value: Value, kind: str, env: Environment) -> bool:
    """Whether a value leads to a lock, which who gets it may give and take."""
    where = value.of if isinstance(value, Address) else None
    taken = isinstance(where, Named) and (0, f"{LOCKED}{where.name}") in env
    return taken or (kind.endswith("*") and pointee(kind) in _LOCKS)


def _is_address(value: Value) -> bool:
    return isinstance(value, Address)


def _may_sleep(context: Context, name: str, given: list[Node], frame: Frame) -> bool:
    """Whether a call in a reader sleeps by its name, or is given memory without a word that it must not."""
    if not context.reach.in_reader or context.by_field:
        return False
    allocates = "alloc" in name and not any(_AT_ONCE.search(frame.text(argument)) for argument in given)
    return name in SLEEPING or (allocates and bool(given))


def _hand_on(
    context: Context,
    definition: Definition,
    values: list[Value],
    node: Node,
    env: Environment,
    frame: Frame,
    out: Out,
) -> None:
    """Memory that a callee gets by its address: it is read where the callee may not write it, and written where it
    takes bytes of any kind."""
    for (kind, name), value in zip(definition.parameters, values, strict=False):
        if not isinstance(value, Address) or not isinstance(value.of, Named) or "<" in value.of.name:
            continue
        where = whole(value.of)
        if name in definition.only_read:
            read(context, where, "plain", env, out, place_of(frame, node))
        elif kind.endswith("*") and pointee(kind) in _BYTES:
            write(context, where, context.unknown(), "plain", env, out, place_of(frame, node))


def _is_kept(context: Context, value: Value) -> bool:
    """Whether a value leads a callee to memory that the model keeps."""
    if isinstance(value, Unknown) and value.serial.startswith(DERIVED):
        return True
    if isinstance(value, Register):
        return value.type.endswith("*") or bool(value.type)
    if isinstance(value, Address):
        return not isinstance(value.of, Local) and context.keep is not None and context.keeps(value.of)
    if isinstance(value, Unknown) and value.type:
        where = dereference(context, value, value.type)
        return isinstance(where, Named) and context.keep is not None and context.keeps(where)
    return False


def _set_by_name(
    context: Context, name: str, near: str, given: list[Node], found: bool, env: Environment, frame: Frame
) -> None:
    """A macro may set what it is given by its name, and so may a call that was not found: it may be one."""
    callee = context.callee(name, near) if found else None
    if found and (callee is None or not callee.sets):
        return
    for index, argument in enumerate(given):
        if argument.type not in ("identifier", "field_expression", "subscript_expression"):
            continue
        where = (
            context.location(context, argument, env, frame, Out()) if _is_variable(argument, frame) else None
        )
        if not isinstance(where, Local) or (callee is not None and index not in callee.sets):
            continue
        if callee is not None or isinstance(env.get((where.frame, where.name)), (Const, FunctionName)):
            forget(context, env, where)


def _is_variable(node: Node, frame: Frame) -> bool:
    """Whether an expression names a local variable, or a part of one, without looking at memory."""
    while node.type in ("field_expression", "subscript_expression"):
        inner = node.child_by_field_name("argument")
        if inner is None or "->" in frame.text(node)[len(frame.text(inner)) :]:
            return False
        node = inner
    return node.type == "identifier" and find(frame.text(node), frame) == "local"


def _forget_watched(
    context: Context, name: str, near: str, given: list[Node], found: bool, env: Environment, frame: Frame
) -> None:
    """What decides may be another value behind a call that writes to it, or that gets its object and was not found."""
    if context.watched is None:
        return
    types = () if found else [type_of(context, argument, frame) for argument in given]
    structures = frozenset(structure_of(kind) for kind in types if kind.endswith("*"))
    _forget_changed(context, Unfollowed(name, near, frame.path, found, structures), env)


def _forget_changed(context: Context, call: Unfollowed, env: Environment) -> None:
    if context.watched is None:
        return
    context.unfollowed.add(call)
    for key in context.watched:
        if (0, key) in env and context.changes(call, key):
            env[0, key] = context.unknown(key, prefix="m")
