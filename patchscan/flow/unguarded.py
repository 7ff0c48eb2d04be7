"""What a change no longer does before: a variable is not cleared any more, a lock not taken any more."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence

from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen
from patchscan.c.source import Call, Function, source_of
from patchscan.flow.resources import by_call

_EMPTY = pattern(r"\{\s*(0|NULL|\{\s*0?\s*\})?\s*,?\s*\}")
_WORD = pattern(r"[A-Za-z_]\w*")
_GUARDS = pattern(r"\w*(guard|[Ll]ock|rcu|RCU|mutex|atomic|ONCE|barrier|seq|xchg)\w*")

_CALLS = pattern(r"\w\s*\(|=")
_SCOPE = pattern(r"\b(?P<scoped>scoped_)?guard\s*\(\s*\w+\s*(?:,|\)\s*\()(?P<key>[^()]+)\)")


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
    stood = frozenset(kept.values())
    lines = range(function.first_line + 1, function.last_line)
    moved = {
        _code(function, line): line
        for line in lines
        if line not in stood and _CALLS.search(_code(function, line))
    }
    for section in (*_sections(before), *_scopes(before)):
        last = _WORD.findall(section.key)[-1:]
        if any(kept.get(line) is not None for line in section.marks) or not last or last[0] in added:
            continue
        inside = [
            kept.get(line) or moved.get(_code(before, line)) for line in range(section.first, section.last)
        ]
        place = next((line for line in inside if line and function.source.code_text(line).strip(" \t{}")), 0)
        other = _taken_elsewhere(function, section, last[0]) if place else 0
        if other:
            yield Unlocked(section.key, section.by, section.marks[0], place, other)


@frozen
class _Section:
    """What stands under a lock: its key, by what it is taken, the lines of lock and unlock, and those between."""

    key: str
    by: str
    marks: tuple[int, ...]
    first: int
    last: int
    calls: frozenset[str]


def _sections(before: Function) -> Iterator[_Section]:
    """What a function did between a lock and the unlocks that follow, up to where it takes the lock again."""
    for call in before.calls():
        row = by_call().get(call.name)
        if row is None or row.kind != "lock" or row.at != 0 or not call.arguments:
            continue
        key = before.source.text_of(call.arguments[0])
        again = [each.line for each in _calls_of(before, row.calls, key) if each.line > call.line]
        end = min(again, default=before.last_line)
        given = [each.line for each in _calls_of(before, row.release, key) if call.line < each.line <= end]
        if given:
            yield _Section(key, call.name, (call.line, *given), call.line + 1, given[0], frozenset(row.calls))


def _code(function: Function, line: int) -> str:
    return " ".join(function.source.code_text(line).split())


def _calls_of(function: Function, names: Collection[str], key: str) -> Sequence[Call]:
    return [each for each in function.calls() if each.name in names and _names(function, each, key)]


def _scopes(before: Function) -> Iterator[_Section]:
    """What a function did under guard(), up to the end of its block, or under scoped_guard()."""
    source = before.source
    for line in range(before.first_line, before.last_line + 1):
        found = _SCOPE.search(source.code_text(line))
        if not found:
            continue
        if found["scoped"]:
            node = next((each for each in before.nodes("if_statement") if source.line_of(each) == line), None)
        else:
            blocks = before.nodes("compound_statement")
            around = [each for each in blocks if source.line_of(each) <= line <= source.last_line_of(each)]
            node = min(around, key=lambda each: each.end_byte - each.start_byte, default=None)
        last = source.last_line_of(node) + 1 if node is not None else line
        yield _Section(found["key"].strip(), "guard", (line,), line + 1, last, frozenset())


def _taken_elsewhere(function: Function, section: _Section, name: str) -> int:
    """A line of the file that still takes the lock whose last word is a name, 0 where none does."""
    for one in source_of(function).functions():
        if name not in one.identifiers:
            continue
        for each in one.calls():
            row = by_call().get(each.name)
            is_lock = row is not None and row.kind == "lock"
            same = is_lock and (not section.calls or _names(one, each, section.key))
            takes = same or each.name in section.calls
            if takes and name in _WORD.findall(one.source.text_of(each.node)):
                return each.line
        for line in range(one.first_line, one.last_line + 1) if not section.calls else ():
            found = _SCOPE.search(one.source.code_text(line))
            if found and _WORD.findall(found["key"])[-1:] == [name]:
                return line
    return 0


def _names(function: Function, call: Call, key: str) -> bool:
    return bool(call.arguments) and function.source.text_of(call.arguments[0]) == key
