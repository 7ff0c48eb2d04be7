"""Pointers that a change no longer sets to NULL when what they lead to is freed, although others look at them."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence

from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen
from patchscan.c.source import Call, Function, source_of

# What is not there any more when the call is over; to unregister leaves the object, as a rule.
_FREES = pattern(
    r"(\w+_)?(k|v|kv|kz)?free(_\w+)?|(\w+_)?destroy(_\w+)?|fput|iput|dput|(\w+_)?put|(\w+_)?put_\w+|(\w+_)?release(_\w+)?"
)
_CLEARED = pattern(r"(?P<path>[A-Za-z_]\w*(?:(?:->|\.)\w+)*) = NULL;")
_STEP = pattern(r"->|\.")
# What stands before the last member of a path.
_OBJECT = r"(?:\w+(?:->|\.))*"
_REACH = 4


@frozen
class LeftPointer:
    """A pointer that a function set to NULL on line `old`: freed on line `place` by `call`, looked at on `other`."""

    path: str
    call: str
    old: int
    place: int
    other: int


def left_pointers(
    function: Function, before: Function, gone: Collection[int], added: Mapping[str, Sequence[int]]
) -> Iterator[LeftPointer]:
    """The pointers that outlive a function and lead to what it frees; gone: the lines that a change takes away."""
    local = {each.name for each in (*before.locals, *before.parameters)}
    for line in before.lines_among(frozenset(gone)):
        found = _CLEARED.fullmatch(" ".join(before.source.code_text(line).split()))
        path = found["path"] if found else ""
        if not path or path in local:
            continue
        member = _STEP.split(path)[-1]
        freed = _freed(before, path, line)
        if member in added or not freed:
            continue
        now = [each for each in function.calls() if _text(function, each) == freed]
        was = [each for each in before.calls() if _text(before, each) == freed]
        if len(now) != len(was) or _owner_goes(before, path, line):
            continue
        place = now[sum(each.line < line for each in was) - 1]
        if _is_set(function, path, place):
            continue
        other = _looked_at(function, place, path, member)
        if other:
            yield LeftPointer(path, place.name, line, place.line, other)


def _freed(before: Function, path: str, line: int) -> str:
    """The call just above a line that frees what a pointer leads to, "" for none."""
    above = [each for each in before.calls() if line - _REACH <= each.line < line]
    return next(
        (
            _text(before, each)
            for each in reversed(above)
            if _FREES.fullmatch(each.name) and path in _arguments(before, each)
        ),
        "",
    )


def _arguments(function: Function, call: Call) -> Iterator[str]:
    return (" ".join(function.source.text_of(each).split()) for each in call.arguments)


def _text(function: Function, call: Call) -> str:
    return " ".join(function.source.text_of(call.node).split())


def _is_set(function: Function, path: str, place: Call) -> bool:
    """Whether a function gives the pointer another value behind a call, or lets another one do so."""
    wanted = re.compile(rf"(?<![\w.>]){re.escape(path)} = |&{re.escape(path)}(?![\w.>-])")
    lines = range(place.line, function.last_line + 1)
    return any(wanted.search(" ".join(function.source.code_text(line).split())) for line in lines)


def _owner_goes(before: Function, path: str, line: int) -> bool:
    """Whether a function frees what holds the pointer, too."""
    owners = [path[: match.start()] for match in _STEP.finditer(path)]
    return any(
        each.line > line
        and _FREES.fullmatch(each.name)
        and any(one in owners for one in _arguments(before, each))
        for each in before.calls()
    )


def _looked_at(function: Function, place: Call, path: str, member: str) -> int:
    """A line of the file that tests the pointer, or frees what it leads to, elsewhere; 0 where none does."""
    ends = re.compile(rf"(?:->|\.){re.escape(member)}") if path != member else re.compile(re.escape(path))
    for one in source_of(function).functions():
        if member not in one.identifiers:
            continue
        for node in one.nodes("if_statement"):
            condition = node.child_by_field_name("condition")
            text = " ".join(one.source.text_of(condition).split()) if condition is not None else ""
            if re.search(rf"[(!\s]{_OBJECT}{re.escape(member)}(?:\)| &&| \|\|)", text):
                return one.source.line_of(node)
        for each in one.calls():
            is_place = one.name == function.name and each.line == place.line
            handed = [text for text in _arguments(one, each) if ends.search(text) and text.endswith(member)]
            if handed and not is_place and _FREES.fullmatch(each.name) and one.name != function.name:
                return each.line
    return 0
