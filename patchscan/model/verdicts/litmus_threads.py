"""The threads of a litmus test: events as statements of herd7's dialect, each with its place in a comment."""

from collections.abc import Mapping, Sequence
from functools import lru_cache

from patchscan.basics.pattern import pattern
from patchscan.basics.record import field, frozen, record
from patchscan.model.lowering.abstract_values import (
    INVERSE,
    Address,
    Const,
    Location,
    Named,
    Operation,
    Register,
    Through,
    Value,
    is_symbol,
    truth,
)
from patchscan.model.lowering.lowered import (
    Assign,
    Assume,
    Body,
    Branch,
    Close,
    Deferred,
    Event,
    Fence,
    Lock,
    Open,
    Place,
    Read,
    Thread,
    Update,
    Wait,
    Write,
    walk,
)

_WORD = pattern(r"\W+")
_UNPRINTABLE = pattern(r"[^ -~]")
ARITHMETIC = frozenset({"add", "sub", "and", "or", "xor", "andnot"})
_ORDERS = {
    "full": "",
    "relaxed": "_relaxed",
    "noreturn": "_relaxed",
    "acquire": "_acquire",
    "release": "_release",
}
_BARRIERS = ("mb", "rmb", "wmb")
UNREAD = 7777
_FIRST_SYMBOL = 1001


@lru_cache(maxsize=4096)
def identifier(key: str) -> str:
    """A location's key as a C identifier: "<pmd_t>" is pmd_t, "flag@0" is flag_0."""
    name = _WORD.sub("_", key).strip("_") or "memory"
    return "v" + name if name[0].isdigit() else name


@lru_cache(maxsize=4096)
def comment(place: Place) -> str:
    """The place as a comment that nothing in it can end."""
    text = _UNPRINTABLE.sub("?", f"{place.path}:{place.line} {place.function}")
    return "/* " + text.replace("*/", "* /").replace("(*", "( *").replace("*)", "* )") + " */"


@frozen
class Before:
    """What the text of a thread rests on besides the thread: what locations hold at first, which of them are atomic,
    the registers that hold UNREAD until they are read, the symbols that have numbers, how many helpers there are."""

    init: tuple[tuple[str, str], ...]
    atomics: frozenset[str]
    unread: frozenset[str] = frozenset()
    symbols: tuple[str, ...] = ()
    helpers: int = 0


def numbered(symbols: Sequence[str]) -> dict[str, int]:
    """The number that stands for each symbol."""
    return {name: _FIRST_SYMBOL + index for index, name in enumerate(symbols)}


@frozen
class Written:
    """A thread as text, and what it adds to its test: symbols, helper threads, and what these answer."""

    text: str
    symbols: tuple[str, ...]
    helpers: tuple[str, ...]
    answers: tuple[str, ...]


@lru_cache(maxsize=1024)
def written(thread: Thread, number: int, before: Before) -> Written:
    """A thread as text; remembered, for a change of one thread leaves the others as they are."""
    test = _Test(dict(before.init), before.atomics, numbered(before.symbols), [""] * before.helpers)
    one = _Thread(test, number, thread.cpu, unread=before.unread)
    one.pointers = _pointer_registers(test, thread.body)
    _body(one, thread.body, 1)
    declared = ["\t" + one.registers[register] for register in sorted(one.registers)]
    parameters = ", ".join(one.parameters[key] for key in sorted(one.parameters))
    lines = [f"P{number}({parameters})", "{", *declared, *one.lines, "}", ""]
    return Written(
        "\n".join(lines),
        tuple(test.symbols)[len(before.symbols) :],
        tuple(test.helpers[before.helpers :]),
        tuple(test.answers),
    )


@record
class _Test:
    """What the threads of one test share while it is written."""

    init: Mapping[str, str]
    atomics: frozenset[str]
    symbols: dict[str, int] = field(default_factory=dict)
    helpers: list[str] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)

    def pointer(self, where: Location) -> bool:
        return isinstance(where, Named) and self.init.get(where.name, "").startswith("&")


@record
class _Thread:
    """One thread while it is written: its lines, registers (pointer or not) and parameters."""

    test: _Test
    number: int
    cpu: int
    lines: list[str] = field(default_factory=list)
    registers: dict[str, str] = field(default_factory=dict)
    parameters: dict[str, str] = field(default_factory=dict)
    pointers: set[str] = field(default_factory=set)
    unread: frozenset[str] = frozenset()

    def put(self, depth: int, text: str, place: Place | None = None) -> None:
        self.lines.append("\t" * depth + text + ("  " + comment(place) if place is not None else ""))

    def declare(self, register: str, pointer: bool = False, initial: str = "") -> None:
        initial = initial or (str(UNREAD) if register in self.unread and not pointer else "")
        kind = f"int {'*' if pointer else ''}{register}{' = ' + initial if initial else ''};"
        self.registers.setdefault(register, kind)

    def address(self, where: Location) -> str:
        """The C expression for the address of a location."""
        if isinstance(where, Through):
            return where.register.name
        assert isinstance(where, Named)
        name = identifier(where.name)
        kind = (
            "atomic_t *"
            if where.name in self.test.atomics
            else "int **"
            if self.test.pointer(where)
            else "int *"
        )
        self.parameters[name] = kind + name
        return name


def _pointer_registers(test: _Test, body: Body) -> set[str]:
    """Registers that hold addresses: read from a pointer, dereferenced, or a copy of one that is."""
    found: set[str] = set()
    for event in walk(body):
        if isinstance(event, (Read, Update)) and test.pointer(event.location):
            found.add(event.register.name)
        location = getattr(event, "location", None)
        if isinstance(location, Through):
            found.add(location.register.name)
    copies = [event for event in walk(body) if isinstance(event, Assign)]
    while True:
        more = set()
        for event in copies:
            if isinstance(event.value, Register) and {event.value.name, event.register.name} & found:
                more |= {event.value.name, event.register.name}
        if more <= found:
            return found
        found |= more


def _body(thread: _Thread, body: Body, depth: int) -> None:
    index = 0
    while index < len(body):
        event = body[index]
        group = _group(body[index:])
        if len(group) > 1:
            _parallel_waits(thread, group, depth)
            index += len(group)
            continue
        _event(thread, event, depth)
        index += 1


def _group(body: Body) -> list[Wait]:
    """The waits at the start of a body that one call sends out together, to different CPUs."""
    group: list[Wait] = []
    for event in body:
        if not isinstance(event, Wait) or event.cpu is None or (group and event.place != group[0].place):
            break
        if any(event.cpu == other.cpu and event.domain == other.domain for other in group):
            break
        group.append(event)
    return group


def _parallel_waits(thread: _Thread, group: list[Wait], depth: int) -> None:
    number = len(thread.test.helpers)
    go = f"go{number}"
    thread.parameters[go] = f"int *{go}"
    thread.put(depth, f"smp_store_release({go}, 1);", group[0].place)
    for event in group:
        done, register = f"done{len(thread.test.helpers)}", f"w{len(thread.test.helpers)}"
        domain = identifier(f"{event.domain}{event.cpu}")
        thread.parameters[done] = f"int *{done}"
        thread.declare(register, initial="1")
        thread.put(depth, f"{register} = smp_load_acquire({done});", event.place)
        thread.test.answers.append(f"{thread.number}:{register}=1")
        thread.test.helpers.append(
            f"(int *{go}, int *{done}, struct srcu_struct *{domain})\n{{\n\tint r0;\n"
            f"\tr0 = smp_load_acquire({go});\n\tif (r0 == 1) {{\n\t\tsynchronize_srcu({domain});\n"
            f"\t\tsmp_store_release({done}, 1);\n\t}}\n}}"
        )


def _event(thread: _Thread, event: Event, depth: int) -> None:
    if isinstance(event, Read):
        _read(thread, event, depth)
    elif isinstance(event, Write):
        _write(thread, event, depth)
    elif isinstance(event, Update):
        _update(thread, event, depth)
    elif isinstance(event, Fence):
        name = event.kind if event.kind in _BARRIERS else "mb__" + event.kind
        thread.put(depth, f"smp_{name}();", event.place)
    elif isinstance(event, (Open, Close)):
        _section(thread, event, depth)
    elif isinstance(event, Wait):
        _wait(thread, event.domain, event.cpu, event.place, depth)
    elif isinstance(event, Lock):
        name = "lock_" + identifier(event.name)
        thread.parameters[name] = f"spinlock_t *{name}"
        thread.put(depth, f"spin_{event.kind}({name});", event.place)
    elif isinstance(event, Assign):
        is_pointer = event.register.name in thread.pointers
        thread.declare(event.register.name, is_pointer)
        thread.put(depth, f"{event.register.name} = {_value(thread, event.value, is_pointer)};")
    elif isinstance(event, Deferred):
        _wait(thread, event.domain, None, event.place, depth)
        _body(thread, event.body, depth)
    elif isinstance(event, Branch):
        _branch(thread, event, depth)
    else:
        assert isinstance(event, Assume), event


def _read(thread: _Thread, event: Read, depth: int) -> None:
    thread.declare(event.register.name, event.register.name in thread.pointers)
    address = thread.address(event.location)
    if isinstance(event.location, Named) and event.location.name in thread.test.atomics:
        call = f"atomic_read{'_acquire' if event.order == 'acquire' else ''}({address})"
    else:
        call = f"smp_load_acquire({address})" if event.order == "acquire" else f"READ_ONCE(*{address})"
    thread.put(depth, f"{event.register.name} = {call};", event.place)


def _write(thread: _Thread, event: Write, depth: int) -> None:
    value, address = (
        _value(thread, event.value, thread.test.pointer(event.location)),
        thread.address(event.location),
    )
    if isinstance(event.location, Named) and event.location.name in thread.test.atomics:
        call = f"atomic_set{'_release' if event.order == 'release' else ''}({address}, {value});"
    elif event.order == "release":
        call = f"smp_store_release({address}, {value});"
    else:
        call = f"WRITE_ONCE(*{address}, {value});"
    thread.put(depth, call, event.place)


def _update(thread: _Thread, event: Update, depth: int) -> None:
    """Arithmetic is written as that of atomic_t, bit operations included: a bit is one of its word."""
    address, suffix = thread.address(event.location), _ORDERS[event.order]
    register = event.register.name
    pointer = thread.test.pointer(event.location)
    if event.operation in ARITHMETIC:
        value = _value(thread, event.operands[0], False)
        if event.order == "noreturn":
            thread.put(depth, f"atomic_{event.operation}({value}, {address});", event.place)
            return
        call = f"atomic_fetch_{event.operation}{suffix}({value}, {address})"
    elif event.operation == "cmpxchg":
        expected, new = (_value(thread, operand, pointer) for operand in event.operands)
        call = f"cmpxchg{suffix}({address}, {expected}, {new})"
    else:
        call = f"xchg{suffix}({address}, {_value(thread, event.operands[0], pointer)})"
    thread.declare(register, register in thread.pointers)
    thread.put(depth, f"{register} = {call};", event.place)


def _section(thread: _Thread, event: Open | Close, depth: int) -> None:
    opens = isinstance(event, Open)
    if event.domain == "rcu":
        thread.put(depth, f"rcu_read_{'lock' if opens else 'unlock'}();", event.place)
        return
    domain = identifier(f"{event.domain}{event.cpu}")
    thread.parameters[domain] = f"struct srcu_struct *{domain}"
    thread.declare("i_" + domain)
    call = f"i_{domain} = srcu_read_lock({domain});" if opens else f"srcu_read_unlock({domain}, i_{domain});"
    thread.put(depth, call, event.place)


def _wait(thread: _Thread, domain: str, cpu: int | None, place: Place, depth: int) -> None:
    if domain == "rcu":
        thread.put(depth, "synchronize_rcu();", place)
        return
    name = identifier(f"{domain}{cpu if cpu is not None else ''}")
    thread.parameters[name] = f"struct srcu_struct *{name}"
    thread.put(depth, f"synchronize_srcu({name});", place)


def _branch(thread: _Thread, event: Branch, depth: int) -> None:
    """herd7 knows no empty block: an if with only an else is written the other way round."""
    condition, then, otherwise = truth(event.condition), event.then, event.otherwise
    if not then:
        condition, then, otherwise = _inverse(condition), otherwise, ()
    thread.put(depth, f"if ({_value(thread, condition, False)}) {{", event.place)
    _body(thread, then, depth + 1)
    if otherwise:
        thread.put(depth, "} else {")
        _body(thread, otherwise, depth + 1)
    thread.put(depth, "}")


def _inverse(condition: Value) -> Value:
    if isinstance(condition, Operation) and condition.operator in INVERSE:
        return Operation(INVERSE[condition.operator], condition.left, condition.right)
    return Operation("==", condition, Const(0))


def _value(thread: _Thread, value: Value, pointer: bool) -> str:
    """A value as a C expression; pointer: whether an address is expected, so that 0 is `empty`."""
    if isinstance(value, Address) and isinstance(value.of, Named):
        return thread.address(value.of)
    if isinstance(value, Const):
        if pointer:
            thread.parameters["empty"] = "int *empty"
            return "empty"
        return str(value.number)
    if isinstance(value, Register):
        return value.name
    if isinstance(value, Operation):
        inner = pointer or any(
            isinstance(side, Register) and side.name in thread.pointers for side in (value.left, value.right)
        )
        return f"({_value(thread, value.left, inner)} {value.operator} {_value(thread, value.right, inner)})"
    if pointer:
        thread.parameters["empty"] = "int *empty"
        return "empty"
    name = getattr(value, "serial", repr(value)) if is_symbol(value) else "unknown"
    return str(thread.test.symbols.setdefault(name, _FIRST_SYMBOL + len(thread.test.symbols)))
