"""The end of a changelog, from its first trailer on: what each line is to git and to those who read trailers."""

from collections.abc import Sequence
from typing import Literal

from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen

_TRAILER = pattern(r"(?:[A-Za-z][\w-]*-by|[Ff]ixes|Closes|Link|Cc|CC|BugLink|Bug):(?:\s|$)")
# What people or git write between trailers: who changed what on the way, and where it was picked from.
_NOTE = pattern(r"\[|#|\(cherry picked from|\*\*\*")
# An address on a line of its own, a footnote of the text.
_FOOTNOTE = pattern(r"(?:\[\w+\]:?|\(\w+\)|\*)?\s*https?://\S+$")


TrailerLineKind = Literal["trailer", "continuation", "note", "footnote", "blank", "text"]


@frozen
class TrailerLine:
    """A line at or below the first trailer of a changelog.

    number: of the line, from 1; kind: "trailer", "continuation" (indented, or what is left of a wrapped address),
    "note" ("[who: what]", "# comment"), "footnote", "blank" or "text"; key: of a trailer, in lower case.
    """

    number: int
    kind: TrailerLineKind
    text: str
    key: str = ""


def trailer_lines(changelog: Sequence[str]) -> tuple[TrailerLine, ...]:
    """The lines of a changelog from its first trailer to its end; nothing where there is no trailer.

    A line that quotes (">") or is indented is no trailer, as for git interpret-trailers(1).
    """
    found: list[TrailerLine] = []
    in_note = False
    for number, line in enumerate(changelog, 1):
        key = _TRAILER.match(line)
        kind: TrailerLineKind = "trailer" if key else _kind_below(line, found, in_note)
        if kind == "note":
            in_note = "]" not in line and (in_note or line.startswith("["))
        elif kind in ("trailer", "blank"):
            in_note = False
        if found or key:
            found.append(TrailerLine(number, kind, line, key[0].rstrip(": \t").lower() if key else ""))
    return tuple(found)


def _kind_below(line: str, above: Sequence[TrailerLine], in_note: bool) -> TrailerLineKind:
    """What a line that is no trailer is, by those above it."""
    if not line.strip():
        return "blank"
    if in_note or (_NOTE.match(line) and not _FOOTNOTE.match(line)):
        return "note"
    if above and above[-1].kind in ("trailer", "continuation") and _goes_on(line, above[-1]):
        return "continuation"
    return "footnote" if _FOOTNOTE.match(line) else "text"


def _goes_on(line: str, above: TrailerLine) -> bool:
    """Whether a line is the rest of the trailer above it."""
    wrapped_address = above.text.rstrip().endswith(":") or (" " not in line.strip() and "://" in above.text)
    unclosed = above.key == "fixes" and above.text.count('"') % 2 == 1
    return line[:1] in (" ", "\t") or wrapped_address or unclosed
