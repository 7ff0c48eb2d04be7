"""The interleaving behind an unsafe verdict, told in the functions and lines of the C code."""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen
from patchscan.model.lowering.lowered import Thread
from patchscan.model.lowering.memory import FREED
from patchscan.model.verdicts.gate import limits, shown

if TYPE_CHECKING:
    from patchscan.lkmm.answers.outcome import Witness
    from patchscan.lkmm.memory.executions import Execution

_LINE = pattern(r"\bline (\d+)\b")
_COMMENT = pattern(r"/\* (\S+):(\d+) (\w*) \*/")
_OPENS = pattern(r"\w+ = srcu_read_lock\(([a-z_]+)\d*\)")
_CLOSES = pattern(r"srcu_read_unlock\(([a-z_]+)\d*, \w+\)")
_WAITS = pattern(r"synchronize_srcu\(([a-z_]+)(\d*)\)")
_LOCKS = pattern(r"spin_(lock|unlock)\(lock_(\w+)\)")
# A local variable that is written, where the test has computed it.
_LOCAL = pattern(r"(?<=, )[rv]\d+(?=\);?$)")
_READ = pattern(r"(\w+) = ")
_NUMBER = pattern(r"\b\d{4,}\b")
# What reads and writes in two steps, and a write of what stands for freed memory.
_ONCE = pattern(r"\b(?:READ|WRITE)_ONCE\(")
_FREES = pattern(rf"(?:WRITE_ONCE|smp_store_release)\(\*?(\w+), {FREED.number}\);?")
_SECTIONS = {
    "irq": (
        "IRQs off",
        "IRQs on again",
        "waits for an IPI to CPU {cpu} to be served",
        "sends no IPI to CPU {cpu}",
    ),
    "tlb": (
        "may use its cached translation from here",
        "up to here",
        "flushes the TLB of CPU {cpu}",
        "does not flush the TLB of CPU {cpu}",
    ),
    "secondary_tlb": (
        "the device may use its translation from here",
        "up to here",
        "flushes the device's TLB",
        "does not flush the device's TLB",
    ),
    "srcu": ("SRCU section begins", "SRCU section ends", "synchronize_srcu()", "no synchronize_srcu()"),
}
_THREAD = pattern(r"P(\d+)\(")
_REQUEST = pattern(r"smp_store_release\((go\d+), 1\)")
_HELPER = pattern(r"P\d+\(int \*(go\d+), int \*done\d+, struct srcu_struct \*([a-z_]+)(\d*)\)")
_PLACED_ACCESS = pattern(r"(\S+:\d+) \(((?:read|write) of [^()]*)\)")
_THREAD_BEFORE = pattern(r"^P\d+: ")


@frozen
class Moment:
    """One step: who, what, where in the C code; sees, misses: numbers of steps (from 1), None for none."""

    thread: str
    text: str
    path: str
    line: int
    sees: int | None
    misses: int | None


@frozen
class Interleaving:
    """The steps of a bad execution, and what keeps program order from being kept: one sentence each."""

    moments: tuple[Moment, ...] = ()
    gaps: tuple[str, ...] = ()

    def lines(self) -> tuple[str, ...]:
        """As text, the columns below each other."""
        rows = [
            (f"{number}.", step.thread, f"{step.path}:{step.line}" if step.path else "", _told(step))
            for number, step in enumerate(self.moments, 1)
        ]
        widths = [max((len(row[index]) for row in rows), default=0) for index in range(3)]
        steps = [
            f"{row[0]:>{widths[0]}} {row[1]:{widths[1]}}  {row[2]:{widths[2]}}  {row[3]}".rstrip()
            for row in rows
        ]
        return (*steps, *self.gaps)


@frozen
class _Skipped:
    """A wait of a test that an execution does not come to: the thread, its line, and what it would wait for."""

    thread: int
    line: int
    domain: str
    cpu: str


NOTHING = Interleaving()


def _told(step: Moment) -> str:
    parts = [step.text]
    if step.sees is not None:
        parts.append(f"sees step {step.sees}")
    if step.misses is not None:
        parts.append(f"misses step {step.misses}")
    return "; ".join(parts)


@lru_cache(maxsize=64)
def _executed(litmus: str) -> "tuple[Witness | None, Execution | None]":
    """A bad execution of a test, None where there is none; the same test is asked for what to repair, and to tell."""
    from patchscan.lkmm import LitmusError
    from patchscan.lkmm.answers.running import execution
    from patchscan.lkmm.checking.replay import execution_of
    from patchscan.lkmm.dialect.parser import parse

    try:
        test = parse(litmus, "")
        witness = shown(litmus, test) or execution(test, limits())
    except LitmusError:
        return None, None
    return witness, execution_of(test, witness, 4) if witness is not None else None


def interleaving(
    litmus: str, threads: tuple[Thread, ...], constants: Mapping[int, str] | None = None
) -> Interleaving:
    """A bad execution of a test as steps of the C code; empty when there is none.

    constants: the names of what numbers in the test stand for.
    """
    from patchscan.lkmm.answers import timeline
    from patchscan.lkmm.memory import lkmm
    from patchscan.lkmm.memory.rows import bits

    witness, execution = _executed(litmus)
    if witness is None or execution is None:
        return NOTHING
    lines = litmus.splitlines()
    order: list[int | _Skipped] = list(timeline.interleaving(witness, execution))
    for skipped, after in _skipped(lines, witness):
        order.insert(order.index(after) + 1, skipped)
    joined, hidden = _one_step(order, witness, lines)
    step: dict[int | _Skipped, int] = {}
    count = 0
    for number in order:
        count += number not in joined
        step[number] = count
    missed = execution.rows(lkmm.fr)
    names = {str(number): name for number, name in (constants or {}).items()}
    moments = []
    for number in order:
        if isinstance(number, _Skipped):
            opens = f"srcu_read_lock({number.domain}{number.cpu})"
            first = next(n for n, event in enumerate(witness.events) if opens in event.text)
            moments.append(_not_waited(number, threads, lines, step[first]))
            continue
        if number in hidden:
            continue
        event = witness.events[number]
        text, section = describe(event.text)
        text = _LOCAL.sub(_value(event.value), text) if event.kind == "W" and not section else text
        said = text if section or event.kind != "R" else f"{text}: {_value(event.value)}"
        said = _NUMBER.sub(lambda found: names.get(found[0], found[0]), said)
        behind = None if section else _behind(number, step, witness)
        later = [step[other] for other in bits(missed[number]) if step.get(other, len(order)) < step[number]]
        moments.append(
            Moment(
                _who(threads, event.thread),
                said if behind is None else f"{said} (reordered before step {behind})",
                *_where(lines, event.line),
                step.get(event.reads_from) if event.reads_from is not None and not section else None,
                min(later) if later and not section else None,
            )
        )
    told = [_gap(timeline.gap_line(gap), lines) for gap in timeline.gaps(witness, execution)]
    return Interleaving(tuple(moments), tuple(told))


def _one_step(
    order: Sequence[int | _Skipped], witness: "Witness", lines: Sequence[str]
) -> tuple[frozenset[int], frozenset[int]]:
    """The events that make one step with the one before, and those that are not told of.

    An atomic operation is told by its read, for its write and its fences are no steps of their own; of reads of one
    line that read the same, one after the other, only what is used is told.
    """
    joined, hidden = set(), set()
    for one, two in pairwise(order):
        if isinstance(one, _Skipped) or isinstance(two, _Skipped):
            continue
        first, second = witness.events[one], witness.events[two]
        kinds = (first.kind, second.kind)
        if first.thread != second.thread:
            continue
        if (first.line, first.text) == (second.line, second.text) and not _ONCE.search(first.text):
            untold = (
                two if kinds in (("R", "W"), ("R", "F"), ("W", "F")) else one if kinds == ("F", "R") else None
            )
        else:
            untold = one if _is_repeated(one, two, witness, lines) else None
        if untold is not None:
            joined.add(two)
            hidden.add(untold)
    return frozenset(joined), frozenset(hidden)


def _is_repeated(one: int, two: int, witness: "Witness", lines: Sequence[str]) -> bool:
    """Whether an event reads what the next one reads on the same line, to no use of its own."""
    first, second = witness.events[one], witness.events[two]
    register, place = _READ.match(first.text), _where(lines, first.line)
    if (first.kind, second.kind) != ("R", "R") or register is None or not place[0]:
        return False
    used = re.compile(rf"\b{register[1]}\b")
    return (
        place == _where(lines, second.line)
        and (first.variable, first.reads_from) == (second.variable, second.reads_from)
        and not any(
            used.search(e.text) for e in witness.events if e.thread == first.thread and e is not first
        )
    )


def _behind(number: int, step: Mapping[int | _Skipped, int], witness: "Witness") -> int | None:
    """The first step that stands before this access in the code, and comes after it in the execution."""
    event = witness.events[number]
    if event.kind not in ("R", "W"):
        return None
    before = (
        step[other]
        for other in range(number)
        if other in step and witness.events[other].thread == event.thread and step[other] > step[number]
    )
    return min(before, default=None)


def _who(threads: tuple[Thread, ...], number: int) -> str:
    thread = threads[number] if number < len(threads) else None
    return f"CPU {thread.cpu}: {thread.function}()" if thread is not None else "IPI"


def _where(lines: Sequence[str], line: int) -> tuple[str, int]:
    """The place of the C code that the comment on a line of the test names."""
    place = _COMMENT.search(lines[line - 1]) if 0 < line <= len(lines) else None
    return (place.group(1), int(place.group(2))) if place else ("", 0)


def _is_domain(name: str) -> bool:
    return name in _SECTIONS or name.startswith("srcu_")


def _section(domain: str, otherwise: str) -> tuple[str, ...]:
    """What to say of a domain's sections and waits; all structures of SRCU are spoken of alike."""
    return _SECTIONS.get("srcu" if domain.startswith("srcu_") else domain, (otherwise,) * 4)


def _not_waited(skipped: _Skipped, threads: tuple[Thread, ...], lines: Sequence[str], section: int) -> Moment:
    """The wait that is not made, as a step that misses the section it should have waited for."""
    text = _section(skipped.domain, "")[3].format(cpu=skipped.cpu)
    return Moment(_who(threads, skipped.thread), text, *_where(lines, skipped.line), None, section)


def _skipped(lines: Sequence[str], witness: "Witness") -> Iterator[tuple[_Skipped, int]]:
    """The waits that an execution passes by although a reader in such a section sees what is written after them,
    each with the event of its thread after which it would come."""
    made = {event.line for event in witness.events}
    waits = list(_waits(lines))
    done = {(each.thread, each.domain, each.cpu) for each in waits if each.line in made}
    for wait in waits:
        key = (wait.thread, wait.domain, wait.cpu)
        own = [
            (number, event.line) for number, event in enumerate(witness.events) if event.thread == wait.thread
        ]
        before = [number for number, line in own if line < wait.line]
        later = {number for number, line in own if line > wait.line}
        if key not in done and before and _seen_in_section(wait, later, witness):
            done.add(key)
            yield wait, before[-1]


def _seen_in_section(wait: _Skipped, writes: set[int], witness: "Witness") -> bool:
    """Whether a thread with a section of the domain reads one of these writes."""
    opens = f"srcu_read_lock({wait.domain}{wait.cpu})"
    readers = {event.thread for event in witness.events if opens in event.text}
    return any(event.thread in readers and event.reads_from in writes for event in witness.events)


def _waits(lines: Sequence[str]) -> Iterator[_Skipped]:
    """The waits of a test, those that a thread asks helpers for included."""
    helpers = [found.groups() for found in map(_HELPER.match, lines) if found is not None]
    thread = 0
    for number, line in enumerate(lines, 1):
        begins, wait, request = _THREAD.match(line), _WAITS.search(line), _REQUEST.search(line)
        thread = int(begins[1]) if begins is not None else thread
        place = _COMMENT.search(line)
        if wait is not None and place is not None and _is_domain(wait[1]):
            yield _Skipped(thread, number, wait[1], wait[2])
        elif request is not None:
            for go, domain, cpu in helpers:
                if go == request[1] and _is_domain(domain):
                    yield _Skipped(thread, number, domain, cpu)


def places_between(litmus: str, gaps: tuple[str, ...]) -> frozenset[str]:
    """The places ("path:line") of the accesses that the gaps name, and of what stands between them in the test."""
    lines = [_COMMENT.search(line) for line in litmus.splitlines()]
    placed = [f"{found.group(1)}:{found.group(2)}" if found else "" for found in lines]
    found: set[str] = set()
    for gap in gaps:
        at = [
            index
            for index, place in enumerate(placed)
            if place and re.search(rf"(?<![\w/]){re.escape(place)}\b", gap)
        ]
        if at:
            found.update(place for place in placed[min(at) : max(at) + 1] if place)
    return frozenset(found)


def _value(value: object) -> str:
    return "freed memory" if str(value) == str(FREED.number) else str(value)


def describe(text: str) -> tuple[str, bool]:
    """A statement of the test in the words of the kernel; True when it begins or ends a section."""
    for marks, index in ((_OPENS, 0), (_CLOSES, 1)):
        found = marks.fullmatch(text.rstrip(";"))
        if found is not None:
            return _section(found.group(1), text)[index], True
    lock = _LOCKS.fullmatch(text.rstrip(";"))
    if lock is not None:
        return f"{'takes' if lock.group(1) == 'lock' else 'gives'} {lock.group(2)}", True
    waits = _WAITS.fullmatch(text.rstrip(";"))
    if waits is not None:
        return _section(waits.group(1), text)[2].format(cpu=waits.group(2)), True
    freed = _FREES.fullmatch(text)
    if freed is not None:
        return f"{freed.group(1)} is freed, or used for something else", False
    return text, False


def _gap(line: str, lines: list[str]) -> str:
    """What is not ordered, with the places of the C code for lines of the test."""

    def place(found: "re.Match[str]") -> str:
        number = int(found.group(1))
        comment = _COMMENT.search(lines[number - 1]) if 0 < number <= len(lines) else None
        return f"{comment.group(1)}:{comment.group(2)}" if comment else found.group()

    said = _LINE.sub(place, _THREAD_BEFORE.sub("", line))
    return _PLACED_ACCESS.sub(r"the \2 at \1", said)
