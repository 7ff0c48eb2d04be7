"""What a change no longer does before: a variable is not cleared any more, a lock not taken any more."""

import re
from collections.abc import Iterator, Mapping, Sequence

from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen
from patchscan.c.source import Call, Function, source_of
from patchscan.flow.resources import by_call

_EMPTY = pattern(r"\{\s*(0|NULL|\{\s*0?\s*\})?\s*,?\s*\}")
_WORD = pattern(r"[A-Za-z_]\w*")
_GUARDS = pattern(r"\w*(guard|[Ll]ock|rcu|RCU|mutex|atomic|ONCE|barrier|seq|xchg)\w*")


@frozen
class Uncleared:
    """A variable that was cleared on line `old`: declared on `line`, a member set on `set`, all handed on at `use`."""

    name: str
    old: int
    line: int
    set: int
    use: int
    by: str


@frozen
class Unlocked:
    """A lock that was held from line `old` on: its key, by what it was taken, and where the file still takes it."""

    key: str
    by: str
    old: int
    place: int
    other: int


def uncleared(function: Function, before: Function) -> Iterator[Uncleared]:
    """The structs that a function cleared before a change, and of which it only sets some members after it."""
    source = function.source
    cleared = {
        each.name: before.source.line_of(each.value)
        for each in before.locals
        if each.value is not None and _EMPTY.fullmatch(before.source.text_of(each.value))
    }
    cleared |= {name: call.line for call in before.calls() if (name := _cleared_by(before, call))}
    for each in function.locals:
        if each.name not in cleared or each.value is not None or not each.type.startswith("struct "):
            continue
        name = re.escape(each.name)
        if "*" in each.type or re.search(
            rf"(?<![\w.>]){name}\s*=[^=]|\bmemset\(\s*&?{name}\b", function.text
        ):
            continue
        handed = next(
            (
                (call.name, call.line)
                for call in function.calls()
                if f"&{each.name}" in (source.text_of(one) for one in call.arguments)
            ),
            None,
        )
        stored = _line_of(function, rf"=\s*&{name}\b(?!->|\.)")
        if handed is None and stored:
            handed = "", stored
        first = _line_of(function, rf"(?<![\w.>]){name}\.\w+\s*=[^=]")
        if handed is not None and first and first < handed[1]:
            declared = _line_of(function, rf"\bstruct\s+\w+\s+.*\b{name}\b")
            yield Uncleared(each.name, cleared[each.name], declared or first, first, handed[1], handed[0])


def _cleared_by(function: Function, call: Call) -> str:
    """The variable that a call clears, "" where it clears none."""
    if call.name != "memset" or len(call.arguments) != 3:
        return ""
    texts = [function.source.text_of(each) for each in call.arguments]
    name = texts[0].removeprefix("&")
    return name if texts[0] != name and name.isidentifier() and texts[1] == "0" else ""


def _line_of(function: Function, text: str) -> int:
    wanted = re.compile(text)
    lines = range(function.first_line, function.last_line + 1)
    return next((line for line in lines if wanted.search(function.source.code_text(line))), 0)


def unlocked(
    function: Function,
    before: Function,
    kept: Mapping[int, int | None],
    added: Mapping[str, Sequence[int]],
) -> Iterator[Unlocked]:
    """The locks that a function took before a change, and does not take after it around what is still there.

    kept: where each line of the function from before stands now.
    """
    if any(_GUARDS.fullmatch(word) for word in added):
        return
    for call in before.calls():
        row = by_call().get(call.name)
        if (
            row is None
            or row.kind != "lock"
            or row.at != 0
            or not call.arguments
            or kept.get(call.line) is not None
        ):
            continue
        key = before.source.text_of(call.arguments[0])
        given = [each for each in before.calls() if each.name in row.release and _names(before, each, key)]
        if not given or any(kept.get(each.line) is not None for each in given):
            continue
        last = _WORD.findall(key)[-1:]
        names = {*row.calls, *row.release}
        if (
            not last
            or last[0] in added
            or any(each.name in names and _names(function, each, key) for each in function.calls())
        ):
            continue
        inside = [kept.get(line) for line in range(call.line + 1, given[0].line)]
        place = next((line for line in inside if line and function.source.code_text(line).strip()), 0)
        other = next(
            (
                each.line
                for one in source_of(function).functions()
                if last[0] in one.identifiers
                for each in one.calls()
                if each.name in row.calls and last[0] in _WORD.findall(one.source.text_of(each.node))
            ),
            0,
        )
        if place and other:
            yield Unlocked(key, call.name, call.line, place, other)


def _names(function: Function, call: Call, key: str) -> bool:
    return bool(call.arguments) and function.source.text_of(call.arguments[0]) == key
