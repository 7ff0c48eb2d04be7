"""A model as a litmus test in herd7's grammar, each event with its place in the C code in a comment.

Domains become SRCU structures of their own ("rcu" stays RCU): a section is srcu_read_lock()..unlock(), a wait is
synchronize_srcu(). A pointer that was cleared points to the object `empty`, for herd7 compares no pointer with 0.
Several CPUs that one call interrupts get a helper thread each, so that their waits are not ordered among
themselves (the request, the wait for that CPU's sections, the answer).
"""

from collections.abc import Mapping, Sequence

from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen, once, replace
from patchscan.model.lowering.abstract_values import Named
from patchscan.model.lowering.lowered import Read, Thread, Update, Write, walk
from patchscan.model.verdicts.litmus_threads import (
    ARITHMETIC,
    Before,
    Written,
    identifier,
    numbered,
    written,
)

_NAME = pattern(r"name \w+$")


@frozen
class _Accessed:
    """The locations that a thread accesses by name, and those on which it does arithmetic atomically."""

    all: frozenset[str]
    atomically: frozenset[str]


def write_litmus(
    name: str,
    threads: Sequence[Thread],
    init: Mapping[str, str],
    condition: str,
    unread: frozenset[str] = frozenset(),
) -> str:
    """The test; init: location key or object to its initial value, "&object" for an address; condition: herd7's;
    unread: registers that hold UNREAD until they are read."""
    parts, _ = _threads(threads, init, unread)
    lines = [
        f"C {identifier(name)}",
        "",
        "{",
        *_initial(threads, init),
        "}",
        "",
        *(part.text for part in parts),
    ]
    helpers = [helper for part in parts for helper in part.helpers]
    for index, helper in enumerate(helpers, len(threads)):
        lines += [f"P{index}{helper}", ""]
    answers = [answer for part in parts for answer in part.answers]
    terms = [f"({condition})" if answers else condition, *answers]
    return "\n".join([*lines, "exists (" + " /\\ ".join(terms) + ")"]) + "\n"


def constants(threads: Sequence[Thread], init: Mapping[str, str]) -> Mapping[int, str]:
    """The constants of C that numbers in the test of some threads stand for; see write_litmus()."""
    _, symbols = _threads(threads, init, frozenset())
    return {number: name.removeprefix("name ") for name, number in symbols.items() if _NAME.match(name)}


def _threads(
    threads: Sequence[Thread], init: Mapping[str, str], unread: frozenset[str]
) -> tuple[list[Written], Mapping[str, int]]:
    """The threads as text, one after the other, and the number of each symbol in them."""
    before = Before(tuple(init.items()), _atomics(threads), unread)
    parts = []
    for number, thread in enumerate(threads):
        part = written(thread, number, before)
        parts.append(part)
        before = replace(
            before,
            symbols=(*before.symbols, *part.symbols),
            helpers=before.helpers + len(part.helpers),
        )
    return parts, numbered(before.symbols)


@once
def _accessed(thread: Thread) -> _Accessed:
    everything, atomically = set[str](), set[str]()
    for event in walk(thread.body):
        if isinstance(event, (Read, Write, Update)) and isinstance(event.location, Named):
            everything.add(event.location.name)
            if isinstance(event, Update) and event.operation in ARITHMETIC:
                atomically.add(event.location.name)
    return _Accessed(frozenset(everything), frozenset(atomically))


def _atomics(threads: Sequence[Thread]) -> frozenset[str]:
    """Locations on which arithmetic is done atomically."""
    return frozenset[str]().union(*(_accessed(thread).atomically for thread in threads))


def _initial(threads: Sequence[Thread], init: Mapping[str, str]) -> list[str]:
    """Declarations of every location and object, with their initial values."""
    keys = set(init).union(*(_accessed(thread).all for thread in threads))
    atomics = _atomics(threads)
    lines = ["\tint empty = 1;"] if any(value.startswith("&") for value in init.values()) else []
    for key in sorted(keys):
        value = init.get(key, "0")
        if key in atomics:
            lines.append(f"\tatomic_t {identifier(key)} = ATOMIC_INIT({value});")
        else:
            star = "*" if value.startswith("&") else ""
            lines.append(f"\tint {star}{identifier(key)} = {value};")
    return lines
