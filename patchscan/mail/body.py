"""The body of a patch mail: in-body headers, changelog, trailers, notes and where the diff begins."""

import re
from collections.abc import Sequence

from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen
from patchscan.diff.repair import hunk_end, starts_diff
from patchscan.series import Trailer

_IN_BODY = pattern(r">?(From|Subject|Date|Author): *(.*)", re.I)
_ADDRESS = pattern(r"@|<[^<>]+>")
_ONLY_DASHES = pattern(r"---\s*")
_SHORTEST_SCISSORS = len("-- >8 --")
# Mailman sets its footer off by such a line.
FOOTER = pattern(r"_{20,}\s*")
_TRAILER = pattern(r"([^\s:]+)[ \t]*:[ \t]*(\S.*)")
_KNOWN = frozenset(
    ("fixes", "closes", "link", "cc", "buglink", "bug", "depends-on", "message-id", "change-id")
)
_SIGNED = pattern(r"[a-z][a-z-]*-by|reported-and-.+")
_ANY_TRAILER = pattern(r"([A-Za-z][A-Za-z0-9]*(?:-[A-Za-z0-9]+)*):[ \t]+(\S.*)")
_NO_TRAILER = pattern(r"base-(?:commit|tree)|change-id|prerequisite-|https?:")
_BASE = pattern(r"(base-commit|base-tree|change-id): *(\S+)\s*")
_OF_BASE = ("base-", "change-id", "prerequisite-")
_PREREQUISITE = pattern(r"prerequisite-(?:patch-id|message-id|change-id): *\S.*")
_SCISSORS = pattern(r"\s|>8|8<|>%|%<")
_BLADES = (">8", "8<", ">%", "%<")


@frozen
class Body:
    """A body in its parts, as lines.

    headers: in-body ones, lower-case names; diff: from its first line on; bases: what base-commit, base-tree and
    change-id say; prerequisites: those lines as they stand; scissors: the patch begins below a scissors line.
    """

    headers: dict[str, str]
    changelog: tuple[str, ...]
    notes: tuple[str, ...]
    diff: tuple[str, ...]
    bases: dict[str, str]
    prerequisites: tuple[str, ...]
    scissors: bool = False


def split_body(text: str, cover: bool = False) -> Body:
    """Split the body of a patch or a cover letter (which has no diff). Lines end at "\\n" only."""
    lines: Sequence[str] = text.split("\n")
    scissors = _scissors(lines) if any(mark in text for mark in _BLADES) else 0
    lines = lines[scissors:]
    headers, start = in_body_headers(lines)
    lines = lines[start:]
    if cover:
        separator, diff_start = _first(lines, _ONLY_DASHES), len(lines)
    else:
        separator, diff_start = _find_separator_and_diff(lines)
    changelog = _trimmed(_without_signature(lines[: min(separator, diff_start)]))
    notes = lines[separator + 1 : diff_start]
    notes = _without_signature(notes) if diff_start == len(lines) else notes
    bases: dict[str, str] = {}
    prerequisites = []
    for line in lines:
        if not line.startswith(_OF_BASE):
            continue
        if found := _BASE.fullmatch(line):
            bases.setdefault(found[1], found[2])
        elif _PREREQUISITE.fullmatch(line):
            prerequisites.append(line.strip())
    return Body(
        headers=headers,
        changelog=changelog,
        notes=_trimmed(notes),
        diff=tuple(lines[diff_start:]),
        bases=bases,
        prerequisites=tuple(prerequisites),
        scissors=scissors > 0,
    )


def _scissors(lines: Sequence[str]) -> int:
    """The index after a scissors line ("-- >8 --", git-mailinfo(1)) that stands above the diff, else 0."""
    for at, line in enumerate(lines):
        if _ONLY_DASHES.fullmatch(line) or starts_diff(lines, at):
            return 0
        if not any(mark in line for mark in _BLADES) or line.startswith(">"):
            continue
        bare = _SCISSORS.sub("", line)
        if bare.count("-") * 2 > len(bare) and len(line.strip()) >= _SHORTEST_SCISSORS:
            return at + 1
    return 0


def in_body_headers(lines: Sequence[str]) -> tuple[dict[str, str], int]:
    """The From, Subject and Date lines at the top of a body, and the index of the line after them."""
    headers: dict[str, str] = {}
    at = _first_with_text(lines)
    last = ""
    while at < len(lines):
        found = _IN_BODY.fullmatch(lines[at])
        if found and (found[1].lower() not in ("from", "author") or _ADDRESS.search(found[2])):
            last = found[1].lower().replace("author", "from")
            headers.setdefault(last, found[2].strip())
        elif last and lines[at][:1] in (" ", "\t") and lines[at].strip():
            headers[last] += " " + lines[at].strip()
        else:
            break
        at += 1
    return headers, at if headers else 0


def _find_separator_and_diff(lines: Sequence[str]) -> tuple[int, int]:
    """The indices of the "---" that ends the changelog and of the diff's first line; len(lines) for none.

    A "---" inside a hunk is a removed line "--". A diff above the "---" belongs to the changelog, unless it
    is the only one: quilt's patches have no "---".
    """
    separator = len(lines)
    early_diff = len(lines)
    at = 0
    while at < len(lines):
        if separator == len(lines) and _ONLY_DASHES.fullmatch(lines[at]):
            separator = at
        elif starts_diff(lines, at):
            if separator < len(lines):
                return separator, _with_index_line(lines, at)
            early_diff = min(early_diff, at)
        elif lines[at].startswith("@@ -") and early_diff < len(lines):
            at = hunk_end(lines, at)
            continue
        at += 1
    if early_diff < len(lines):
        return len(lines), _with_index_line(lines, early_diff)
    return separator, len(lines)


def _with_index_line(lines: Sequence[str], at: int) -> int:
    """Quilt and CVS put "Index: name" and a line of "=" above the pair of names: they are no notes."""
    if at >= 2 and lines[at - 1].startswith("=====") and lines[at - 2].startswith("Index: "):
        return at - 2
    return at


def _is_known(key: str) -> bool:
    """Whether a line that begins with this is a trailer wherever it stands."""
    return key in _KNOWN or _SIGNED.fullmatch(key) is not None


def read_trailers(changelog: Sequence[str]) -> tuple[Trailer, ...]:
    """The trailers of a changelog: known ones anywhere at column 0, any "Key: value" in its last paragraph.

    A value that goes on in indented lines is joined.
    """
    last_paragraph = len(changelog)
    while last_paragraph > 0 and changelog[last_paragraph - 1].strip():
        last_paragraph -= 1
    trailers: list[Trailer] = []
    for number, line in enumerate(changelog, 1):
        found = None if _NO_TRAILER.match(line) else _TRAILER.fullmatch(line)
        if found and not _is_known(found[1].lower()):
            found = None
        if not found and number > last_paragraph > 0 and not _NO_TRAILER.match(line):
            found = _ANY_TRAILER.fullmatch(line)
        if found:
            trailers.append(Trailer(found[1], found[2].strip(), number))
        elif trailers and trailers[-1].line == number - 1 and line[:1] in (" ", "\t") and line.strip():
            joined = f"{trailers[-1].value} {line.strip()}"
            trailers[-1] = Trailer(trailers[-1].key, joined, trailers[-1].line)
    return tuple(trailers)


def _first(lines: Sequence[str], pattern: re.Pattern[str]) -> int:
    return next((at for at, line in enumerate(lines) if pattern.fullmatch(line)), len(lines))


def _first_with_text(lines: Sequence[str]) -> int:
    return next((at for at, line in enumerate(lines) if line.strip()), len(lines))


def _without_signature(lines: Sequence[str]) -> Sequence[str]:
    """Cut a mail signature or a list's footer: the last "--" or long rule with at most ten lines below it."""
    for at in range(len(lines) - 1, max(len(lines) - 12, -1), -1):
        if lines[at] in ("-- ", "--", "--  ") or FOOTER.fullmatch(lines[at]):
            return lines[:at]
    return lines


def _trimmed(lines: Sequence[str]) -> tuple[str, ...]:
    """Lines without the empty ones at both ends."""
    start, end = 0, len(lines)
    while start < end and not lines[start].strip():
        start += 1
    while end > start and not lines[end - 1].strip():
        end -= 1
    return tuple(lines[start:end])
