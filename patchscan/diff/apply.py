"""Hunks laid over the lines of one file, as GNU patch does, but with a reason for each refusal."""

import io
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby

from patchscan.basics.record import frozen, replace
from patchscan.series import Hunk, Line

_MOST_FUZZ = 1
_QUOTE_LENGTH = 60
_MOST_PLACES = 100


class HunkFailure(Exception):
    """A hunk does not apply; the text says which and why ("hunk 2 of 5: already applied")."""


@frozen
class _Image:
    """Pre- and post-image of a hunk as whole lines, and how many lines of context begin and end it."""

    old: list[bytes]
    new: list[bytes]
    leading: int
    trailing: int
    adds: bool


@frozen
class _Place:
    """Where an image was found: index of its first line, and the context given up at each end."""

    index: int
    skipped_first: int = 0
    skipped_last: int = 0

    @property
    def fuzz(self) -> int:
        return max(self.skipped_first, self.skipped_last)


@frozen
class Applied:
    """The content after the hunks, a remark for each that needed fuzz, and for each hunk its offset: the line
    at which its post-image begins now, minus the line in its header.
    """

    content: bytes
    remarks: tuple[str, ...]
    offsets: tuple[int, ...]


def apply_hunks(before: bytes | None, hunks: Sequence[Hunk]) -> Applied:
    """Lay hunks over a file.

    before is None for a file that does not exist yet. Raises HunkFailure at the first hunk that does not
    apply. The nearest place wins; a hunk whose outcome stands nearer than its pre-image is "already applied".
    """
    lines = io.BytesIO(before or b"").readlines()
    parts: list[bytes] = []
    remarks, offsets = [], []
    done = drift = grown = 0
    for number, hunk in enumerate(hunks, 1):
        image = _image(hunk)
        expected = hunk.old_start - (1 if hunk.old_count else 0) + drift
        place = _find(lines, image, expected, done, hunk.old_start)
        if place is None or _stands_nearer(lines, image, expected, done, place):
            reason = _refusal(lines, image, expected, done)
            raise HunkFailure(f"hunk {number} of {len(hunks)}: {reason}")
        if place.skipped_first or place.skipped_last:
            remarks.append(f"hunk {number} of {len(hunks)}: applied with fuzz 1 at line {place.index + 1}")
        last_new, last_old = len(image.new) - place.skipped_last, len(image.old) - place.skipped_last
        parts += lines[done : place.index + place.skipped_first]
        parts += image.new[place.skipped_first : last_new]
        offsets.append(place.index + grown + (1 if hunk.new_count else 0) - hunk.new_start)
        grown += len(image.new) - len(image.old)
        done = place.index + last_old
        drift = place.index - (expected - drift)
    parts += lines[done:]
    return Applied(b"".join(parts), tuple(remarks), tuple(offsets))


def fits(before: bytes | None, hunks: Sequence[Hunk]) -> Iterator[str]:
    """How each hunk on its own fits a file: "exact", "moved", "fuzzy", "there" (its outcome stands there) or "not"."""
    lines = io.BytesIO(before or b"").readlines()
    drift = 0
    for hunk in hunks:
        image = _image(hunk)
        expected = hunk.old_start - (1 if hunk.old_count else 0) + drift
        place = _find(lines, image, expected, 0, hunk.old_start)
        if place is None or _stands_nearer(lines, image, expected, 0, place):
            telling = image.adds or (any(map(_tells, image.new)) and _is_gone(image, lines))
            there = telling and _find(lines, _turned(image), expected, 0, 0) is not None
            yield "there" if there else "not"
            continue
        moved = place.index - (expected - drift)
        drift = moved
        yield "fuzzy" if place.fuzz else "moved" if moved else "exact"


def _is_gone(image: _Image, lines: Sequence[bytes]) -> bool:
    """Whether a file holds less than half of what a hunk takes away: its context alone proves little."""
    kept, here = Counter(image.new), frozenset(lines)
    taken = [line for line in (Counter(image.old) - kept).elements() if _tells(line)]
    return 2 * sum(line in here for line in taken) < len(taken)


def turned(hunk: Hunk) -> Hunk:
    """The hunk that takes back what another one does."""
    kinds = {"+": "-", "-": "+", " ": " "}
    # A reader of hunks expects what is taken away before what is added.
    lines: list[Line] = []
    for is_context, run in groupby(hunk.lines, key=lambda line: line.kind == " "):
        several = [replace(each, kind=kinds[each.kind], old=each.new, new=each.old) for each in run]
        lines += several if is_context else sorted(several, key=lambda each: each.kind == "+")
    return Hunk(hunk.new_start, hunk.new_count, hunk.old_start, hunk.old_count, hunk.section, tuple(lines))


def _image(hunk: Hunk) -> _Image:
    kinds = [line.kind for line in hunk.lines]
    whole = [
        (line.kind, line.text.encode("utf-8", "surrogateescape") + b"\n" * line.newline)
        for line in hunk.lines
    ]
    changed = [position for position, kind in enumerate(kinds) if kind != " "]
    first, last = (changed[0], changed[-1]) if changed else (len(kinds), -1)
    return _Image(
        old=[line for kind, line in whole if kind != "+"],
        new=[line for kind, line in whole if kind != "-"],
        leading=first,
        trailing=len(kinds) - 1 - last,
        adds="+" in kinds,
    )


def _find(lines: list[bytes], image: _Image, expected: int, done: int, start: int) -> _Place | None:
    """The nearest place of the pre-image, exact first, then with one line of context less at an end."""
    if not image.old:
        return _Place(expected) if done <= expected <= len(lines) else None
    most = max(image.leading, image.trailing)
    for fuzz in range(_MOST_FUZZ + 1):
        first = fuzz - (most - image.leading)
        last = fuzz - (most - image.trailing)
        # Fewer lines of context at one end than at the other mean that the file begins or ends there.
        at_start, at_end = first < 0 and start <= 1, last < 0
        first, last = min(max(first, 0), image.leading), min(max(last, 0), image.trailing)
        core = image.old[first : len(image.old) - last]
        if not core or (fuzz and not (first or last)):
            continue
        index = _nearest(lines, core, expected + first, done, at_start, at_end)
        if index is not None:
            return _Place(index - first, first, last)
    return None


def _nearest(
    lines: list[bytes],
    core: list[bytes],
    expected: int,
    done: int,
    at_start: bool = False,
    at_end: bool = False,
) -> int | None:
    """The index at or after done where core stands, nearest to expected (the later of two as near)."""
    size = len(core)
    highest = len(lines) - size
    if highest < done:
        return None
    if at_start or at_end:
        index = 0 if at_start else highest
        fits = index >= done and lines[index : index + size] == core and not (at_start and at_end and highest)
        return index if fits else None
    if done <= expected <= highest and lines[expected : expected + size] == core:
        return expected
    best = None
    position = done - 1
    try:
        while True:
            position = lines.index(core[0], position + 1, highest + 1)
            if best is not None and position - expected >= abs(best - expected) + (best < expected):
                return best
            if lines[position + size - 1] == core[-1] and lines[position : position + size] == core:
                best = position
    except ValueError:
        return best


def _stands_nearer(lines: list[bytes], image: _Image, expected: int, done: int, found: _Place) -> bool:
    """Whether the outcome of a hunk stands in the file, nearer or with less fuzz than its pre-image was found."""
    if not image.adds or (found.index == expected and not found.fuzz):
        return False
    there = _find(lines, _turned(image), expected, done, 0)
    if there is None:
        return False
    return (there.fuzz, abs(there.index - expected)) < (found.fuzz, abs(found.index - expected))


def _turned(image: _Image) -> _Image:
    return replace(image, old=image.new, new=image.old)


def _refusal(lines: list[bytes], image: _Image, expected: int, done: int) -> str:
    """Why a hunk does not apply: already there, or the first line that differs where most lines agree."""
    telling = image.adds or any(_tells(line) for line in image.new)
    if telling and _find(lines, _turned(image), expected, done, 0) is not None:
        return "already applied"
    if not image.old:
        return f"the file has only {len(lines)} lines"
    votes: Counter[int] = Counter()
    places: dict[bytes, list[int]] = {}
    for index in range(done, len(lines)):
        places.setdefault(lines[index], []).append(index)
    for offset, line in enumerate(image.old):
        if _tells(line):
            # Lines that stand everywhere say nothing of the place, and cost much.
            votes.update(index - offset for index in places.get(line, ())[:_MOST_PLACES])
    if not votes:
        return f"context not found, want {_quote(image.old[0])} near line {expected + 1}"
    start = min(votes, key=lambda place: (-votes[place], abs(place - expected), place))
    for offset, want in enumerate(image.old):
        index = start + offset
        have = lines[index] if 0 <= index < len(lines) else None
        if have != want:
            found = "the end of the file" if have is None else _quote(have)
            return f"context differs at line {max(index, 0) + 1}: have {found}, want {_quote(want)}"
    # All lines stand there; the hunk's uneven context says that the file ends, or begins, at them.
    after = start + len(image.old)
    if image.trailing < image.leading and after < len(lines):
        return f"context differs at line {after + 1}: have {_quote(lines[after])}, want the end of the file"
    return f"context stands at line {start + 1}, not at the start of the file"


def _tells(line: bytes) -> bool:
    return bool(line.strip(b" \t\n{}"))


def _quote(line: bytes) -> str:
    text = line.decode("utf-8", "backslashreplace").rstrip("\n").replace("\t", " ").strip()
    shown = "".join(char if char.isprintable() else "?" for char in text)
    if not line.endswith(b"\n"):
        shown += " (no newline)"
    return "'" + (shown if len(shown) <= _QUOTE_LENGTH else shown[:_QUOTE_LENGTH] + "...") + "'"
