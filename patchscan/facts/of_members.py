"""The members of the structs and unions, and the constants of the enums, that a text defines."""

from collections.abc import Iterator

from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen
from patchscan.c.filelevel import Statement, without_directives
from patchscan.c.members import type_at
from patchscan.c.source import Source
from patchscan.facts.conditions_around import joined
from patchscan.facts.kind import Kind

# What begins with "__" is an attribute where another word follows.
_TYPE = pattern(
    rb"\b(?:struct|union)\s+(?:__\w+\s*(?:\((?:[^()]|\([^()]*\))*\)\s*|\s)(?=[A-Za-z_]))*"
    rb"(?!__packed\b|__aligned|__attribute__)([A-Za-z_]\w*)\s*(?:__\w+\s*)?\{"
)
_ENUM = pattern(rb"\benum\b\s*(?:__\w+\s+)*([A-Za-z_]\w*)?\s*(?::[^{};()]*)?\{")
_CONSTANT = pattern(rb"(?:^|,)\s*([A-Za-z_]\w*)\s*(?:__\w+\s*)?(?==|,|\Z)")
_BRACKETS = pattern(rb"\([^()]*\)")
_VISIBLE = pattern(rb"[^\n]")


@frozen
class MemberFact:
    """A member. owner: the tag of its struct, union or enum, "" where it has none; type: "enum" for a constant."""

    owner: str
    name: str
    type: str
    line: int
    condition: str


def members(source: Source) -> Iterator[MemberFact]:
    """The members of the structs and unions of a text with a tag, in order, then the constants of its enums.

    They may stand in functions and in other types; members of anonymous structs inside belong to the outer one.
    """
    code = without_directives(source.code)
    for match in _TYPE.finditer(code):
        name = match[1].decode()
        at = Statement("type", name, match.start(), match.end(), match.start(1), match.end() - 1)
        for member in type_at(source, at).members:
            yield MemberFact(name, member.name, member.type, member.line, joined(member.conditions))
    yield from _constants(source, code)


def constants(source: Source) -> Iterator[MemberFact]:
    """The constants of the enums of a text, in order, those in functions and in other types as well."""
    return _constants(source, without_directives(source.code))


def _constants(source: Source, code: bytes) -> Iterator[MemberFact]:
    for match in _ENUM.finditer(code):
        start = match.end()
        end = code.find(b"}", start)
        body = code[start : end if end >= 0 else len(code)]
        owner = match[1].decode() if match[1] else ""
        for constant in _CONSTANT.finditer(_without_brackets(body)):
            line = source.line_at(start + constant.start(1))
            yield MemberFact(owner, constant[1].decode(), "enum", line, "")


def _without_brackets(body: bytes) -> bytes:
    """A text with "$" for what stands in parentheses: commas there separate nothing, and a macro is no constant."""
    while True:
        plain = _BRACKETS.sub(lambda match: _VISIBLE.sub(b"$", match[0]), body)
        if plain == body:
            return body
        body = plain


KIND = Kind("members", MemberFact, members)
