"""The members of the structs and unions, and the constants of the enums, that a text defines."""

import re
from collections.abc import Iterator

from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen
from patchscan.c.filelevel import Statement, statements, without_directives
from patchscan.c.members import type_at
from patchscan.c.outline import body_end
from patchscan.c.source import Source
from patchscan.facts.conditions_around import joined
from patchscan.facts.kind import Kind

_ENUM = pattern(rb"\benum\b[^{]*\Z")
_CONSTANT = pattern(rb"(?:^|,)\s*([A-Za-z_]\w*)\s*(?:__\w+\s*)?(?==|,|\Z)")
_BRACKETS = pattern(rb"\([^()]*\)")


@frozen
class MemberFact:
    """A member. owner: the tag of its struct, union or enum, "" where it has none; type: "enum" for a constant."""

    owner: str
    name: str
    type: str
    line: int
    condition: str


def members(source: Source) -> Iterator[MemberFact]:
    """The members of the types of a text, in order; those of anonymous structs inside belong to the outer one."""
    seen: set[int] = set()
    for each in statements(source.text):
        if each.body < 0 or each.body in seen or each.kind == "function":
            continue
        head = source.code[each.start : each.body]
        if _ENUM.search(head):
            seen.add(each.body)
            yield from _constants(source, each)
        elif each.kind == "type":
            seen.add(each.body)
            for member in type_at(source, each).members:
                yield MemberFact(each.name, member.name, member.type, member.line, joined(member.conditions))


def _constants(source: Source, statement: Statement) -> Iterator[MemberFact]:
    code = without_directives(source.code)
    end = body_end(code, statement.body)
    body = code[statement.body + 1 : end - 1]
    while True:
        plain = _BRACKETS.sub(lambda match: re.sub(rb"[^\n]", b"0", match[0]), body)
        if plain == body:
            break
        body = plain
    owner = statement.name if statement.kind == "type" else ""
    for match in _CONSTANT.finditer(body):
        line = source.line_at(statement.body + 1 + match.start(1))
        yield MemberFact(owner, match[1].decode(), "enum", line, "")


KIND = Kind("members", MemberFact, members)
