"""C expressions to values and locations; the events they cause are appended in evaluation order."""

from collections.abc import Callable

from tree_sitter import Node

from patchscan.c.nodes import children, nodes
from patchscan.model.lowering.abstract_values import (
    Address,
    Const,
    FunctionName,
    Local,
    Location,
    Named,
    Nowhere,
    Operation,
    Register,
    Through,
    Unknown,
    Value,
    combine,
    leaves,
    negate,
    truth,
)
from patchscan.model.lowering.accesses import private, read, write
from patchscan.model.lowering.builtins import location_of_call
from patchscan.model.lowering.calls import evaluate_assembly, evaluate_call
from patchscan.model.lowering.constants_of_c import ERRORS, WORDS, literal, size, word
from patchscan.model.lowering.conversions import bounded, computed
from patchscan.model.lowering.environment import Environment
from patchscan.model.lowering.exposed import moved
from patchscan.model.lowering.inlining import OPERATORS
from patchscan.model.lowering.integers import fit
from patchscan.model.lowering.joins import join, lost_way
from patchscan.model.lowering.lowered import Hole
from patchscan.model.lowering.memory import (
    SPUN_FOR,
    Context,
    Frame,
    Out,
    place_of,
)
from patchscan.model.lowering.targets import copies_behind, dereference, identity, member_of_copy
from patchscan.model.lowering.type_names import structure_of
from patchscan.model.lowering.typing import find, member, type_of

# What is part of many structures: a field of one is named by where it is embedded.
_EMBEDDED = frozenset(
    """
    list_head hlist_head hlist_node llist_head llist_node refcount_t refcount_struct kref seqcount_t seqcount
    seqcount_spinlock_t seqcount_rwlock_t seqcount_mutex_t seqcount_raw_spinlock_t seqlock_t wait_queue_head
    wait_queue_head_t completion atomic_t atomic64_t atomic_long_t rcu_head work_struct timer_list rb_node rb_root
    percpu_ref u64_stats_sync rcuwait cpumask nodemask_t sk_buff_head
    """.split()  # noqa: SIM905
)


def evaluate(context: Context, node: Node | None, env: Environment, frame: Frame, out: Out) -> Value:
    """The value of an expression."""
    if node is None:
        return Const(1)
    handler = _HANDLERS.get(node.type)
    return handler(context, node, env, frame, out) if handler else context.unknown(frame.text(node))


def location(context: Context, node: Node, env: Environment, frame: Frame, out: Out) -> Location:
    """The memory that an lvalue names."""
    if node.type in ("parenthesized_expression", "cast_expression"):
        inner = children(node)[-1]
        return location(context, inner, env, frame, out)
    if node.type == "identifier":
        return _variable(context, node, env, frame, out)
    if node.type == "field_expression":
        return _field(context, node, env, frame, out)
    if node.type == "subscript_expression":
        return _element(context, node, env, frame, out)
    if node.type == "pointer_expression" and frame.text(node).startswith("*"):
        argument = node.child_by_field_name("argument")
        assert argument is not None
        value = evaluate(context, argument, env, frame, out)
        return dereference(context, value, type_of(context, argument, frame))
    if node.type == "call_expression":
        return location_of_call(context, node, env, frame, out)
    return Nowhere(frame.text(node))


def _variable(context: Context, node: Node, env: Environment, frame: Frame, out: Out) -> Location:
    name = frame.text(node)
    kind = find(name, frame)
    if kind == "bound":
        bound, owner = frame.bound[name]
        return location(context, bound, env, owner, out)
    if kind == "local":
        return Local(frame.number, name, frame.types[name])
    return Named(name, context.code.global_type(name, frame.path))


def _field(context: Context, node: Node, env: Environment, frame: Frame, out: Out) -> Location:
    argument, field = node.child_by_field_name("argument"), node.child_by_field_name("field")
    assert argument is not None and field is not None
    name, kind = member(field, frame), type_of(context, node, frame)
    between = frame.definition.text[argument.end_byte : field.start_byte]
    structure = structure_of(type_of(context, argument, frame))
    if b"->" in between:
        value = evaluate(context, argument, env, frame, out)
        if isinstance(value, Register) and not (context.by_field and structure):
            return Through(value, f"{structure}.{name}" if structure else "")
        registers: tuple[str, ...] = (value.name,) if isinstance(value, Register) else ()
        base: Location | None = dereference(context, value, "") if isinstance(value, Address) else None
        copies, whose = copies_behind(value), identity(value)
        if not structure and isinstance(value, Unknown):
            structure = structure_of(value.type)
    else:
        registers, base = (), location(context, argument, env, frame, out)
        copies, whose = base.copies if isinstance(base, Nowhere) else "", Address(base)
    other = member_of_copy(context, copies, name, env) if copies else None
    if other is not None:
        return other
    if isinstance(base, Local):
        # The members of a union are one memory.
        return Local(base.frame, f"{base.name}.{'' if base.type.startswith('union ') else name}", kind)
    if isinstance(base, Through):
        return base
    if isinstance(base, Named) and "@" in base.name:
        variable, _, cpu = base.name.rpartition("@")
        return Named(f"{variable}.{name}@{cpu}", kind)
    if isinstance(base, Named):
        registers = base.base if context.by_field else ()
    if (
        context.by_field
        and isinstance(base, Named)
        and base.type.endswith("[]")
        and not structure_of(base.type)
    ):
        # A structure laid over bytes is these bytes.
        return Named(base.name, kind, registers)
    if isinstance(base, Named) and (not structure or (context.by_field and structure in _EMBEDDED)):
        return Named(f"{base.name}.{name}", kind, registers)
    context.merged.add((f"{structure or '?'}.", frame.text(argument) if _is_one(argument, base) else ""))
    return Named(f"{structure or '?'}.{name}", kind, registers, None if context.by_field else whose)


def _is_one(node: Node, base: Location | None) -> bool:
    """Whether an expression names one object: a global, or an element with a number of one."""
    index = node.child_by_field_name("index")
    plain = node.type == "identifier" or (index is not None and index.type == "number_literal")
    return isinstance(base, Named) and plain


def _element(context: Context, node: Node, env: Environment, frame: Frame, out: Out) -> Location:
    argument = node.child_by_field_name("argument")
    assert argument is not None
    index = evaluate(context, node.child_by_field_name("index"), env, frame, out)
    base, kind = location(context, argument, env, frame, out), type_of(context, node, frame)
    if isinstance(base, Named):
        context.merged.add((f"{base.name}[]", str(index.number) if isinstance(index, Const) else ""))
        registers = tuple(leaf.name for leaf in leaves(index) if isinstance(leaf, Register))
        whose = None if context.by_field else identity(index)
        return Named(base.name + "[]", kind, (*base.base, *registers) if context.by_field else (), whose)
    if isinstance(base, Local):
        value = read(context, base, "plain", env, out, place_of(frame, node))
        if isinstance(value, (Address, Register)):
            return dereference(context, value, kind)
        return Local(base.frame, f"{base.name}[{index.number if isinstance(index, Const) else ''}]", kind)
    return base


def _identifier(context: Context, node: Node, env: Environment, frame: Frame, out: Out) -> Value:
    name = frame.text(node)
    if name in WORDS:
        return WORDS[name]
    kind = find(name, frame)
    if kind == "bound":
        bound, owner = frame.bound[name]
        return evaluate(context, bound, env, owner, out)
    if kind == "local" and _decays(frame.types[name], env.get((frame.number, name))):
        return Address(Local(frame.number, name, frame.types[name]))
    if kind == "local":
        return private(context, (frame.number, name), frame.types[name], env)
    if name == SPUN_FOR[1] and SPUN_FOR in env:
        return env[SPUN_FOR]
    if (chosen := context.chosen(name)) is not None:
        return Const(chosen)
    known = context.code.constant(name, frame.path)
    if known is not None or name in ERRORS:
        return Const(known) if known is not None else ERRORS[name]
    if _is_operand(node) and not context.by_field and context.code.comes_apart(name, frame.path):
        out.append(Hole(name, "parse", frozenset(), frozenset(), True, place_of(frame, node)))
    if context.stub(name) is not None or context.code.callee(name, frame.path) is not None:
        return FunctionName(name, frame.path)
    if name == "current":
        return context.instance("struct task_struct *") or Unknown("current", name, "struct task_struct *")
    unknown = context.by_field and not context.code.global_type(name, frame.path)
    if name.isupper() or unknown:
        return Unknown("name " + name, name)
    return read(context, _variable(context, node, env, frame, out), "plain", env, out, place_of(frame, node))


def _is_operand(node: Node) -> bool:
    """Whether an operator stands beside an expression, which binds a part of a macro's text first."""
    return node.parent is not None and node.parent.type in OPERATORS


def _decays(kind: str, value: Value | None) -> bool:
    """Whether a local variable stands for its address: an array of this function's own."""
    return (kind.endswith("[]") or kind == "cpumask_var_t") and not isinstance(value, Address)


def _parenthesis(context: Context, node: Node, env: Environment, frame: Frame, out: Out) -> Value:
    inner = children(node)
    return evaluate(context, inner[-1], env, frame, out) if inner else Const(0)


def _statements(context: Context, node: Node, env: Environment, frame: Frame, out: Out) -> Value:
    """A GNU statement expression: its value is that of its last expression statement."""
    inner = children(node)
    gone = next((each for each in nodes(node) if each.type == "return_statement"), None)
    if gone is not None:
        out.append(lost_way(frame, gone))
    last = inner[-1] if inner and inner[-1].type == "expression_statement" else None
    context.lower_block(context, inner[:-1] if last is not None else inner, env, frame, out)
    return (
        evaluate(context, children(last)[0], env, frame, out)
        if last is not None and children(last)
        else Const(0)
    )


def _cast(context: Context, node: Node, env: Environment, frame: Frame, out: Out) -> Value:
    value = evaluate(context, node.child_by_field_name("value"), env, frame, out)
    if isinstance(value, Unknown):
        instance = context.instance(type_of(context, node, frame))
        return instance if instance is not None else value
    return fit(value, type_of(context, node, frame))


def _assignment(context: Context, node: Node, env: Environment, frame: Frame, out: Out) -> Value:
    left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
    symbol = node.child_by_field_name("operator")
    assert left is not None
    value = evaluate(context, right, env, frame, out)
    where, place = location(context, left, env, frame, out), place_of(frame, node)
    operation = frame.text(symbol) if symbol is not None else "="
    if operation != "=":
        old = read(context, where, "plain", env, out, place)
        value = bounded(context, combine(operation[:-1], old, value))
    if isinstance(where, (Local, Named)):
        value = fit(value, where.type)
    write(context, where, value, "plain", env, out, place)
    return value


def _step(context: Context, node: Node, env: Environment, frame: Frame, out: Out) -> Value:
    """x++ and --x; a pointer that moves on inside an array stays the same memory."""
    argument = node.child_by_field_name("argument")
    assert argument is not None
    where, place = location(context, argument, env, frame, out), place_of(frame, node)
    old = read(context, where, "plain", env, out, place)
    if type_of(context, argument, frame).endswith("*"):
        if (pointer := moved(context, old)) is not old:
            write(context, where, pointer, "plain", env, out, place)
        return old
    new = combine(
        "+" if b"++" in frame.definition.text[node.start_byte : node.end_byte] else "-", old, Const(1)
    )
    new = fit(new, where.type) if isinstance(where, (Local, Named)) else new
    write(context, where, new, "plain", env, out, place)
    return new if frame.text(node)[0] in "+-" else old


def _comma(context: Context, node: Node, env: Environment, frame: Frame, out: Out) -> Value:
    value: Value = Const(0)
    for part in children(node):
        value = evaluate(context, part, env, frame, out)
    return value


def _unary(context: Context, node: Node, env: Environment, frame: Frame, out: Out) -> Value:
    value = evaluate(context, node.child_by_field_name("argument"), env, frame, out)
    symbol = frame.text(node)[0]
    if symbol == "!":
        return negate(value)
    if isinstance(value, Const) and symbol in "-~":
        return Const(-value.number if symbol == "-" else ~value.number)
    return value if symbol == "+" else Operation("-" if symbol == "-" else "~", Const(0), value)


def _binary(context: Context, node: Node, env: Environment, frame: Frame, out: Out) -> Value:
    symbol = node.child_by_field_name("operator")
    operation = frame.text(symbol) if symbol is not None else "+"
    left = evaluate(context, node.child_by_field_name("left"), env, frame, out)
    if operation in ("&&", "||"):
        return _shortcut(context, node, operation, left, env, frame, out)
    right = evaluate(context, node.child_by_field_name("right"), env, frame, out)
    pointer = type_of(context, node.child_by_field_name("left"), frame)
    if operation in ("+", "-") and pointer.endswith(("*", "[]")) and isinstance(left, (Address, Register)):
        return moved(context, left)
    return computed(context, node, operation, left, right, frame)


def _shortcut(
    context: Context, node: Node, operation: str, left: Value, env: Environment, frame: Frame, out: Out
) -> Value:
    """&& and ||: the right side is evaluated, with its events, only where the left one leaves it open."""
    left, shorted = truth(left), Const(int(operation == "||"))
    if isinstance(left, Const):
        if bool(left.number) == (operation == "||"):
            return shorted
        return truth(evaluate(context, node.child_by_field_name("right"), env, frame, out))
    key, events, taken = (frame.number, "%short"), Out(), env.copy()
    right = truth(evaluate(context, node.child_by_field_name("right"), taken, frame, events))
    if not events and right in (Const(0), Const(1)):
        return left if right == Const(1 - shorted.number) else shorted
    taken[key] = right
    skipped = env.copy()
    skipped[key] = shorted
    condition = left if operation == "&&" else negate(left)
    join(context, condition, node, frame, (taken, events), (skipped, []), env, out)
    return env.pop(key)


def _conditional(context: Context, node: Node, env: Environment, frame: Frame, out: Out) -> Value:
    condition = truth(evaluate(context, node.child_by_field_name("condition"), env, frame, out))
    then, otherwise = node.child_by_field_name("consequence"), node.child_by_field_name("alternative")
    if isinstance(condition, Const):
        return evaluate(context, then if condition.number else otherwise, env, frame, out)
    key = (frame.number, "%conditional")
    yes, no = env.copy(), env.copy()
    yes_events, no_events = Out(), Out()
    yes[key] = evaluate(context, then, yes, frame, yes_events) if then is not None else condition
    no[key] = evaluate(context, otherwise, no, frame, no_events)
    join(context, condition, node, frame, (yes, yes_events), (no, no_events), env, out)
    return env.pop(key)


def _pointer(context: Context, node: Node, env: Environment, frame: Frame, out: Out) -> Value:
    argument = node.child_by_field_name("argument")
    assert argument is not None
    if frame.text(node).startswith("&"):
        if argument.type == "identifier" and find(frame.text(argument), frame) == "":
            value = (
                _identifier(context, argument, env, frame, [])
                if _is_function(context, argument, frame)
                else None
            )
            if value is not None:
                return value
        where = location(context, argument, env, frame, out)
        if isinstance(where, Nowhere):
            return context.unknown(frame.text(node))
        return Address(where)
    return _lvalue(context, node, env, frame, out)


def _is_function(context: Context, node: Node, frame: Frame) -> bool:
    name = frame.text(node)
    return context.stub(name) is not None or context.code.function(name, frame.path) is not None


def _lvalue(context: Context, node: Node, env: Environment, frame: Frame, out: Out) -> Value:
    name = node.child_by_field_name("field")
    settled = context.settled(frame.text(name)) if name is not None else None
    if settled is not None:
        return settled
    where = location(context, node, env, frame, out)
    if context.by_field and isinstance(where, Named) and _is_array(type_of(context, node, frame)):
        return Address(where)
    return read(context, where, "plain", env, out, place_of(frame, node))


def _is_array(kind: str) -> bool:
    """Whether a member of this type stands for its address."""
    return kind.endswith("[]") or kind == "cpumask_var_t"


_HANDLERS: dict[str, Callable[[Context, Node, Environment, Frame, Out], Value]] = {
    "number_literal": literal,
    "char_literal": literal,
    "true": word,
    "false": word,
    "null": word,
    "sizeof_expression": size,
    "identifier": _identifier,
    "parenthesized_expression": _parenthesis,
    "compound_statement": _statements,
    "cast_expression": _cast,
    "assignment_expression": _assignment,
    "update_expression": _step,
    "comma_expression": _comma,
    "unary_expression": _unary,
    "binary_expression": _binary,
    "conditional_expression": _conditional,
    "pointer_expression": _pointer,
    "field_expression": _lvalue,
    "subscript_expression": _lvalue,
    "call_expression": evaluate_call,
    "gnu_asm_expression": evaluate_assembly,
}
