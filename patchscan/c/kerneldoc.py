"""kernel-doc comments of a C text, and the declarations they stand above.

The form is that of Documentation/doc-guide/kernel-doc.rst, read as scripts/kernel-doc reads it.
"""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen

if TYPE_CHECKING:
    from patchscan.c.source import Source

_COMMENT = pattern(r"(?<!\S)/\*\*(?![*/])(.*?)\*/", re.DOTALL)
_STAR = pattern(r"^[ \t]*\*?[ \t]*")
_HEADING = pattern(
    r"(?:static\s+|inline\s+|extern\s+|define\s+)*(?P<type>struct|union|enum|typedef)?\b\s*(?:\w+\s*\*\s*)?"
    r"(?P<name>\w+)\s*(?:\([^)]*\))?\s*(?:(?P<end>[-:])\s*(?P<summary>.*))?$"
)
_PARAMETER = pattern(r"^@((?:\w|[.\[\]]|->)+(?:[ \t]*,[ \t]*@?\w+)*)[ \t]*:")
_WORD_AND_PARENTHESIS = pattern(r"\b(\w+)\s*\(")
_LAST_NAME = pattern(r"(\w+)\s*(?:\[[^\]]*\]\s*)*(?:__\w+(?:\([^)]*\))?\s*)*$")
_POINTER_TO_FUNCTION = pattern(r"\(\s*[*^]+\s*(?:const\s+|__\w+\s+)*(\w+)")

_DEFINE = pattern(r"#[ \t]*define\s+(\w+)(?:\(([^)]*)\))?")
_TYPE = pattern(r"(?:typedef\s+)?(?:struct|union|enum)\s+(?:__\w+\s+)*(\w+)\s*$")
# Macros that make a declaration, and attributes: the word before the parenthesis is not what is declared.
_NO_NAME = pattern(r"__|typeof$|[A-Z0-9_]+$")
_ENDS_DECLARATION = pattern(r"[{;]|=(?!=)")


@frozen
class Parameter:
    """A parameter that a comment describes; line: of the file."""

    name: str
    line: int


@frozen
class Comment:
    """A comment that begins with the marker of kernel-doc.

    name: of what it documents, "" where its heading is none; type: "struct", "union", "enum", "typedef" or
    "" for a function, macro or variable; heading: its line in the file; gap: the line of a blank one between
    the short description and the first parameter, else 0; wraps: the short description runs on in the next
    line; inline: it documents a member inside a struct; end: the offset behind it in the source's text.
    """

    name: str
    type: str
    first_line: int
    last_line: int
    heading: int
    parameters: tuple[Parameter, ...]
    gap: int
    wraps: bool
    inline: bool
    end: int


DeclarationKind = Literal["function", "macro", "type", "other", "unknown"]


@frozen
class Declaration:
    """What follows a comment.

    kind: "function", "macro", "type", "other" or "unknown" where the text ends before it does; parameters:
    None where they could not be read; separated: the preprocessor line between comment and declaration, 0
    where there is none; directive: its text; line: where the declaration begins.
    """

    kind: DeclarationKind
    name: str
    parameters: tuple[str, ...] | None
    line: int
    separated: int = 0
    directive: str = ""


def comments(source: "Source") -> Iterator[Comment]:
    """The comments of a text that begin with /**, in order, those of sections (DOC:) left out."""
    text = source.text.decode("latin-1")
    for match in _COMMENT.finditer(text):
        first = source.line_at(match.start())
        lines = [_STAR.sub("", line).rstrip() for line in match[1].split("\n")]
        lines[0] = match[1].split("\n")[0].strip()
        heading = next((index for index, line in enumerate(lines) if line), 0)
        if lines[heading].startswith("DOC:") or not any(lines):
            continue
        yield _comment(lines, heading, first, match)


def _comment(lines: list[str], heading: int, first: int, match: "re.Match[str]") -> Comment:
    found = _HEADING.match(lines[heading])
    parameters = tuple(
        Parameter(name.strip(" \t@"), first + index)
        for index, line in enumerate(lines)
        if (at := _PARAMETER.match(line))
        for name in at[1].split(",")
    )
    return Comment(
        name=found["name"] if found else "",
        type=(found["type"] or "") if found else "",
        first_line=first,
        last_line=first + len(lines) - 1,
        heading=first + heading,
        parameters=parameters,
        gap=_gap(lines, heading, first),
        wraps=heading + 1 < len(lines) - 1
        and lines[heading + 1] != ""
        and not lines[heading + 1].startswith("@"),
        inline=lines[heading].startswith("@"),
        end=match.end(),
    )


def _gap(lines: list[str], heading: int, first: int) -> int:
    """The blank line where only that stands between the short description and the first parameter."""
    for index in range(heading + 1, len(lines) - 1):
        if _PARAMETER.match(lines[index]):
            return 0
        if not lines[index]:
            return first + index if _PARAMETER.match(lines[index + 1]) else 0
    return 0


def declaration_after(source: "Source", comment: Comment) -> Declaration:
    """What a comment stands above."""
    code = source.code.decode("latin-1")[: source.fragment.tail if source.fragment else None]
    start, directives = _skip_directives(code, comment.end)
    kind, name, parameters = _declared(code[start:], comment.name)
    separated = source.line_at(directives[0]) if directives else 0
    directive = " ".join(code[directives[0] :].partition("\n")[0].split()) if directives else ""
    return Declaration(kind, name, parameters, source.line_at(start), separated, directive)


def _skip_directives(code: str, at: int) -> tuple[int, list[int]]:
    """Where the next line begins that is no #if and the like, and where those before it begin."""
    skipped: list[int] = []
    while True:
        start = at + len(code[at:]) - len(code[at:].lstrip())
        if not code.startswith("#", start) or _DEFINE.match(code, start):
            return start, skipped
        skipped.append(start)
        at = code.find("\n", start) % (len(code) + 1)


def _declared(code: str, wanted: str) -> tuple[DeclarationKind, str, tuple[str, ...] | None]:
    """Kind, name and parameters of the declaration that a text begins with; wanted: the name expected."""
    macro = _DEFINE.match(code)
    if macro:
        return "macro", macro[1], None if macro[2] is None else _macro_parameters(macro[2])
    stop = _ENDS_DECLARATION.search(code)
    if stop is None:
        return "unknown", "", None
    head = code[: stop.start()]
    type_name = _TYPE.match(head)
    if type_name and stop[0] == "{":
        return "type", type_name[1], None
    candidates = [
        found
        for found in _WORD_AND_PARENTHESIS.finditer(head)
        if head.count("(", 0, found.start()) == head.count(")", 0, found.start())
    ]
    if any(_POINTER_TO_FUNCTION.match(head, found.end() - 1) for found in candidates):
        return "other", "", None
    named = next((found for found in candidates if found[1] == wanted), None)
    if named is None:
        candidates = [found for found in candidates if not _NO_NAME.match(found[1])]
        if len(candidates) != 1:
            return "other", "", None
        named = candidates[0]
    return "function", named[1], _function_parameters(head[named.end() :])


def _macro_parameters(text: str) -> tuple[str, ...]:
    names = (part.strip() for part in text.replace("\\", " ").split(","))
    return tuple(name.removesuffix("...") for name in names if name not in ("", "..."))


def _function_parameters(text: str) -> tuple[str, ...] | None:
    """The names in a parameter list, given from behind its parenthesis; None where one has no name."""
    names = []
    for part in _split(text):
        if part in ("void", "", "..."):
            continue
        pointer = _POINTER_TO_FUNCTION.search(part)
        found = pointer or _LAST_NAME.search(part)
        if found is None or (pointer is None and len(part.replace("*", " ").split()) < 2):
            return None
        names.append(found[1])
    return tuple(names)


def _split(text: str) -> Iterator[str]:
    """The parts of a list between its commas, up to the parenthesis that closes it."""
    depth, begin = 1, 0
    for at, character in enumerate(text):
        depth += (character in "([") - (character in ")]")
        if depth == 0 or (depth == 1 and character == ","):
            yield " ".join(text[begin:at].split())
            begin = at + 1
        if depth == 0:
            return
