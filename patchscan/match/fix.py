"""What to write instead of a match: a diff, where it keeps comments and can add the header it needs."""

import re
from typing import TYPE_CHECKING

from patchscan.basics.pattern import pattern
from patchscan.c.syntax import descendants
from patchscan.finding import Fix
from patchscan.match.matching import Bindings, Bound

if TYPE_CHECKING:
    from patchscan.c.source import Source
    from patchscan.match.matches import Match
    from patchscan.match.place import Place
    from patchscan.match.row import Row

HOLE = pattern(r"\$(?:\$\$)?(?:([A-Z][A-Z0-9_]*)|\{([A-Z][A-Z0-9_]*)\})")
WORD = pattern(r"[A-Za-z_]\w*")
INCLUDE = pattern(r"#include <([\w./-]+)>")
_NAME = pattern(rb"[A-Za-z_]\w*")
_QUOTED = pattern(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'")
_DIRECTIVE = pattern(rb"^[ \t]*#", re.M)
# What must stand in parentheses beside an operator.
_LOOSE = frozenset(
    {
        "binary_expression",
        "conditional_expression",
        "assignment_expression",
        "comma_expression",
        "cast_expression",
    }
)
WIDTH = 100
TAB = 8
_KEPT = "\0"


def filled(template: str, holes: Bindings, mark: str = "") -> str:
    """A template with what stands in its holes; mark: what begins each further line that comes from a hole."""

    def value(found: re.Match[str]) -> str:
        bound = holes.get(found[1] or found[2])
        if bound is None:
            return found[0]
        text = bound.text.replace("\n", f"\n{mark}") if mark else bound.text
        return f"({text})" if needs_parentheses(bound, found, template) else text

    return HOLE.sub(value, template)


def needs_parentheses(bound: Bound, found: re.Match[str], template: str) -> bool:
    """Whether an expression stands beside an operator in the template."""
    if len(bound.nodes) != 1 or bound.node.type not in _LOOSE:
        return False
    before, after = template[: found.start()].rstrip()[-1:], template[found.end() :].lstrip()[:2]
    return before in tuple("!~*&-+/%<>|^.") or (after[:1] in tuple("-+*/%<>&|^.[?") and after[:1] != "")


def fix_of(row: "Row", place: "Place") -> Fix | None:
    """The edits of the row's replacement; None where there is none, or it would lose something."""
    match, file = place.match, place.file
    template = replacement_of(row, match)
    if template is None or loses_comment(template, match) or loses_word(match):
        return None
    first, last = match.first_line, match.last_line
    head, tail = around(match, first, last)
    if head is None or tail is None:
        return None
    lines = laid_out(filled(template, match.holes, _KEPT), head, tail, match.source.line_text(first))
    if not lines and leaves_two_blanks(match.source, first, last):
        first -= 1
    edits = [(first, last, lines)]
    if row.include:
        edit = include_edit(row.include, match)
        if edit is None:
            return None
        edits += edit
    return file.edited(edits)


def leaves_two_blanks(source: "Source", first: int, last: int) -> bool:
    """Whether an empty line stands before lines that go, and another, or the end of the block, behind them."""
    behind = source.line_text(last + 1).strip()
    return first > 1 and not source.line_text(first - 1).strip() and behind in ("", "}")


def replacement_of(row: "Row", match: "Match") -> str | None:
    """The replacement that belongs to the pattern that fitted."""
    if row.replace is None:
        return None
    if len(row.replace) == 1:
        return row.replace[0]
    return row.replace[row.find.index(match.pattern.text)] or None


def loses_comment(template: str, match: "Match") -> bool:
    """Whether a comment, or a preprocessor line, stands in the match outside the holes that the template keeps."""
    names = [one or other for one, other in HOLE.findall(template)]
    kept = [match.holes[name] for name in names if name in match.holes]
    spans = [(each.nodes[0].start_byte, each.nodes[-1].end_byte) for each in kept if each.nodes]
    first, last = match.nodes[0], match.nodes[-1]
    nodes = [first, *match.nodes[1:]]
    lost = [each for node in nodes for each in descendants(node) if each.type == "comment"]
    following = first.next_sibling
    while following is not None and following.end_byte <= last.start_byte:
        if following.type == "comment":
            lost.append(following)
        following = following.next_sibling
    if any(not any(start <= each.start_byte < end for start, end in spans) for each in lost):
        return True
    text = match.source.text[first.start_byte : last.end_byte]
    return _DIRECTIVE.search(text) is not None


def loses_word(match: "Match") -> bool:
    """Whether the match holds a word that neither its pattern nor a hole has: an attribute, which is blank to both."""
    first, last = match.nodes[0].start_byte, match.nodes[-1].end_byte
    spans = [
        (each.nodes[0].start_byte, each.nodes[-1].end_byte) for each in match.holes.values() if each.nodes
    ]
    text = match.source.code[first:last]
    known = set(WORD.findall(match.pattern.text)) | {"NULL"}
    for found in _NAME.finditer(text):
        at = first + found.start()
        if found.group().decode() not in known and not any(start <= at < end for start, end in spans):
            return not _has_nameless_hole(match)
    return False


def _has_nameless_hole(match: "Match") -> bool:
    """Whether there are statements that no hole keeps: the replacement leaves them out on purpose."""
    return "$$$;" in match.pattern.text


def around(match: "Match", first: int, last: int) -> tuple[str | None, str | None]:
    """What stands on the first line before the match, and on the last one behind it."""
    source = match.source
    start = source.text.rfind(b"\n", 0, match.nodes[0].start_byte) + 1
    end = source.text.find(b"\n", match.nodes[-1].end_byte)
    end = end if end >= 0 else len(source.text)
    head = source.slice(start, match.nodes[0].start_byte)
    tail = source.slice(match.nodes[-1].end_byte, end)
    whole = source.line_text(first).startswith(head) and source.line_text(last).endswith(tail)
    return (head, tail) if whole else (None, None)


def laid_out(text: str, head: str, tail: str, before: str) -> list[str]:
    """The lines of a replacement between what stands before and behind it; nothing for one that takes lines away.

    before: the first line as it was: what was aligned with a parenthesis of it is so again.
    """
    if not text and not head.strip() and not tail.strip():
        return []
    indent = head[: len(head) - len(head.lstrip())]
    first, *others = text.split("\n")
    lines = [head + first]
    old, new = opening(before), opening(lines[0])
    for line in others:
        if not line.startswith(_KEPT):
            lines.append(indent + line if line.strip() else line)
            old, new = None, opening(lines[-1])
            continue
        words = line.lstrip(f"{_KEPT}\t ")
        width = len(line[1 : len(line) - len(words)].expandtabs(TAB))
        if new is not None and (old is None or width >= old):
            width = new if old is None else width + new - old
        lines.append(indented(width) + words if words else "")
    lines[-1] += tail
    return [piece for line in lines for piece in wrapped(line)]


def opening(line: str) -> int | None:
    """The column behind the last parenthesis that a line leaves open."""
    depth: list[int] = []
    for at, char in enumerate(_QUOTED.sub(lambda found: "x" * len(found[0]), line)):
        if char == "(":
            depth.append(at)
        elif char == ")" and depth:
            depth.pop()
    return len(line[: depth[-1] + 1].expandtabs(TAB)) if depth else None


def indented(column: int) -> str:
    """The white space before a column."""
    return "\t" * (column // TAB) + " " * (column % TAB)


def wrapped(line: str) -> list[str]:
    """A line that is too long, broken behind the last comma that fits and aligned with the parenthesis."""
    if len(line.expandtabs(TAB)) <= WIDTH:
        return [line]
    depth: list[int] = []
    best = None
    quoted = ""
    for at, char in enumerate(line):
        if quoted:
            quoted = "" if char == quoted and line[at - 1] != "\\" else quoted
        elif char in "\"'":
            quoted = char
        elif char == "(":
            depth.append(at)
        elif char == ")" and depth:
            depth.pop()
        elif char == "," and len(depth) == 1 and len(line[: at + 1].expandtabs(TAB)) <= WIDTH:
            best = (at, depth[0])
    if best is None:
        return [line]
    at, opening = best
    column = len(line[: opening + 1].expandtabs(TAB))
    rest = indented(column) + line[at + 1 :].lstrip()
    return [line[: at + 1], *wrapped(rest)] if "(" in rest else [line[: at + 1], rest]


def include_edit(header: str, match: "Match") -> list[tuple[int, int, list[str]]] | None:
    """The edit that includes a header, [] where it is included; None where that cannot be seen."""
    source = match.source
    if source.fragment is not None:
        return None
    names = {}
    for line in source.directives:
        found = INCLUDE.fullmatch(source.line_text(line.line).strip())
        if found:
            names[found[1]] = line.line
    if header in names:
        return []
    group = {name: line for name, line in names.items() if name.startswith("linux/")}
    if not group or source.conditions_at(min(group.values())):
        return None
    before = [line for name, line in group.items() if name < header]
    at = max(before) if before else min(group.values()) - 1
    if before and source.conditions_at(at):
        at = min(group.values())
    text = source.line_text(at)
    new = f"#include <{header}>"
    if at < 1:
        return [(1, 1, [new, source.line_text(1)])]
    return [(at, at, [text, new])]
