"""Two revisions of a series laid beside each other: patch to patch, file to file, line to line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from difflib import SequenceMatcher
from functools import cached_property

from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen
from patchscan.finding import CHANGELOG
from patchscan.series import Patch, Series
from patchscan.settling.quotation import Said, lines_of

# Less than this in common, and two patches or files are no revisions of each other.
_LEAST_COMMON = 0.2
_LEAST_OF_FILE = 0.5
_LEAST_OF_LINE = 0.45
# Beyond so many lines difflib leaves out what is frequent, or it would take minutes.
_MOST_EXACT = 3000
_WORD = pattern(r"[A-Za-z_]\w*|\d+|\S")
_NAME = pattern(r"[A-Za-z_]\w*|\d\d+")
_IDENTIFIER = pattern(r"[A-Za-z_]\w{3,}")


@frozen
class FilePair:
    """The lines of one file in an older patch and in a newer one; same: old place -> new place of equal lines.

    replaced: old place -> from and up to which new place its stead is; names: those changed throughout.
    """

    old: tuple[Said, ...]
    new: tuple[Said, ...]
    same: Mapping[int, int]
    replaced: Mapping[int, tuple[int, int]]
    names: Mapping[str, str]


@frozen
class PatchPair:
    """A patch of the older revision and its counterpart, None where it was dropped; one of old and new is there."""

    old: Patch | None
    new: Patch | None


class Alignment:
    """Two revisions side by side; what is asked for is computed once."""

    def __init__(self, older: Series, newer: Series) -> None:
        self.older = older
        self.newer = newer
        self.pairs = patch_pairs(older.patches, newer.patches)
        self._new_of = {pair.old.index: pair.new for pair in self.pairs if pair.old}
        self._lines: dict[tuple[str, int], dict[str, tuple[Said, ...]]] = {}
        self._files: dict[tuple[int, str], FilePair | None] = {}

    def counterpart(self, patch: Patch) -> Patch | None:
        """The patch of the newer revision that an older one became; the cover letter becomes the cover letter."""
        return self.newer.cover if patch.index == 0 else self._new_of.get(patch.index)

    @cached_property
    def fresh(self) -> tuple[Said, ...]:
        """The changed lines of the newer revision that the older one has nowhere."""
        before = {
            line.text for patch in self.older.patches for line in lines_of(patch) if line.kind in ("+", "-")
        }
        lines = (line for patch in self.newer.patches for line in lines_of(patch))
        return tuple(line for line in lines if line.kind in ("+", "-") and line.text not in before)

    @cached_property
    def told(self) -> tuple[str, ...]:
        """What the cover letter and the notes of the newer revision say that those of the older one do not."""
        before, after = ([*cover_of(each), *(line for mail in each.mails for line in mail.notes)]
                         for each in (self.older, self.newer))  # fmt: skip
        return tuple(line for line in after if line not in set(before))

    def new_names(self) -> set[str]:
        """The names that stand for others throughout."""
        return {name for pair in self._files.values() if pair for name in pair.names.values()}

    def file(self, patch: Patch, path: str) -> FilePair | None:
        """How a file of an older patch stands in the newer revision, None where nothing of it is there."""
        key = patch.index, path
        if key not in self._files:
            self._files[key] = self._file(patch, path)
        return self._files[key]

    def _file(self, patch: Patch, path: str) -> FilePair | None:
        old = self._by_path("old", patch).get(path, ())
        own = self.counterpart(patch)
        others = [each for each in self.newer.patches if each is not own]
        best: FilePair | None = None
        for candidate in ([own] if own else []) + others:
            files = self._by_path("new", candidate)
            name = path if path in files else like(old, files) if candidate is own or not own else None
            if name is None:
                continue
            found = aligned(old, files[name])
            if candidate is own and len(found.same) * 2 >= len(old):
                return found
            if best is None or len(found.same) > len(best.same):
                best = found
        return best

    def _by_path(self, side: str, patch: Patch) -> dict[str, tuple[Said, ...]]:
        key = side, patch.index
        if key not in self._lines:
            found: dict[str, list[Said]] = {}
            for line in lines_of(patch):
                if line.path != CHANGELOG:
                    found.setdefault(line.path, []).append(line)
            self._lines[key] = {path: tuple(lines) for path, lines in found.items()}
        return self._lines[key]


def cover_of(series: Series) -> tuple[str, ...]:
    """The lines of the cover letter, none where there is none."""
    return series.cover.changelog if series.cover else ()


def patch_pairs(older: Sequence[Patch], newer: Sequence[Patch]) -> tuple[PatchPair, ...]:
    """Each older patch with what it became, then the new ones: by title, else by what they change."""
    marks = {id(patch): frozenset(marks_of(patch)) for patch in (*older, *newer)}
    scores = []
    for old in older:
        for new in newer:
            both = marks[id(old)] & marks[id(new)]
            share = len(both) / max(1, min(len(marks[id(old)]), len(marks[id(new)])))
            alike = old.title.lower() == new.title.lower()
            if alike or share >= _LEAST_COMMON:
                scores.append((share + alike, -abs(old.index - new.index), old.index, new.index))
    taken: dict[int, int] = {}
    for _, _, old_index, new_index in sorted(scores, reverse=True):
        if old_index not in taken and new_index not in taken.values():
            taken[old_index] = new_index
    by_index = {patch.index: patch for patch in newer}
    pairs = [PatchPair(old, by_index.get(taken.get(old.index, -1))) for old in older]
    pairs += [PatchPair(None, new) for new in newer if new.index not in taken.values()]
    return tuple(pairs)


def marks_of(patch: Patch) -> Iterable[str]:
    """What tells a patch from others: its changed lines that hold a word, and its files."""
    for line in lines_of(patch):
        if line.kind in ("+", "-") and not line.trivial:
            yield line.key
    yield from (change.path for change in patch.files)


def like(old: Sequence[Said], files: Mapping[str, Sequence[Said]]) -> str | None:
    """The file that holds most of the lines of one that has another name, None where none holds half."""
    wanted = {line.key for line in old if not line.trivial}
    counts = {path: len(wanted & {line.key for line in lines}) for path, lines in files.items()}
    best = max(sorted(counts), key=lambda path: counts[path], default=None)
    return best if best is not None and counts[best] > len(wanted) * _LEAST_OF_FILE else None


def aligned(old: Sequence[Said], new: Sequence[Said]) -> FilePair:
    """The lines of two revisions of a file, with exact white space; names that were changed throughout are the same."""
    plain = [written(line) for line in old]
    newer = [written(line) for line in new]
    codes = opcodes(plain, newer)
    names = renamed(plain, newer, codes)
    if names:
        plain = [_IDENTIFIER.sub(lambda found: names.get(found[0], found[0]), text) for text in plain]
        codes = opcodes(plain, newer)
    same: dict[int, int] = {}
    replaced: dict[int, tuple[int, int]] = {}
    for tag, start, end, new_start, new_end in codes:
        for at in range(start, end):
            if tag == "equal":
                same[at] = new_start + at - start
            else:
                replaced[at] = new_start, new_end
    return FilePair(tuple(old), tuple(new), same, replaced, names)


def written(line: Said) -> str:
    """A line as it stands after the patch or, with a mark, only before it."""
    return f"-{line.text}" if line.kind == "-" else line.text


def opcodes(old: Sequence[str], new: Sequence[str]) -> Sequence[tuple[str, int, int, int, int]]:
    """difflib's steps from one text to the other."""
    frequent = max(len(old), len(new)) > _MOST_EXACT
    return SequenceMatcher(None, old, new, autojunk=frequent).get_opcodes()


def renamed(
    old: Sequence[str], new: Sequence[str], codes: Sequence[tuple[str, int, int, int, int]]
) -> dict[str, str]:
    """Identifiers that only the older text has -> what stands in their place, and only in the newer one."""
    before, after = (
        Counter(word for text in texts for word in _IDENTIFIER.findall(text)) for texts in (old, new)
    )
    votes: Counter[tuple[str, str]] = Counter()
    for tag, start, end, new_start, new_end in codes:
        if tag != "replace" or (end - start) * (new_end - new_start) > 10_000:
            continue
        for text in old[start:end]:
            words = _WORD.findall(text)
            for other in new[new_start:new_end]:
                votes.update(_one_name(words, _WORD.findall(other)))
    # What others define, and a word of a comment that was spelled wrong, is changed where it is written otherwise.
    heads = (text for text in old if text[:1].isalpha() or text.startswith(("#define", "_")))
    defined = {name for text in heads for name in _IDENTIFIER.findall(text)}
    found: dict[str, str] = {}
    for (name, other), _ in votes.most_common():
        fresh = name not in found and other not in found.values()
        if name in defined and fresh and name not in after and other not in before:
            found[name] = other
    return found


def _one_name(words: Sequence[str], others: Sequence[str]) -> set[tuple[str, str]]:
    """The one pair of names in which two lines differ, if that is all."""
    if len(words) != len(others) or len(words) < 3:
        return set()
    pairs = {(one, other) for one, other in zip(words, others, strict=True) if one != other}
    return pairs if len(pairs) == 1 and all(map(_IDENTIFIER.fullmatch, next(iter(pairs)))) else set()


def likest(text: str, others: Iterable[Said]) -> Said | None:
    """Of lines that came in the stead of one, that which it most likely became; None where none is like it."""
    words = _WORD.findall(text)
    names = set(_NAME.findall(text))
    best, most = None, _LEAST_OF_LINE
    for other in list(others)[:40]:
        if names and names.isdisjoint(_NAME.findall(other.text)):
            continue
        ratio = SequenceMatcher(None, words, _WORD.findall(other.text), autojunk=False).ratio()
        if ratio > most:
            best, most = other, ratio
    return best


_HEAD = pattern(r"[A-Za-z_]")
_LABEL = pattern(r"\w+:\s*$")


def region_of(lines: Sequence[Said], at: int) -> tuple[int, int]:
    """The places of the function, structure or other block at column 0 around a line, within its hunk."""
    hunk = lines[at].hunk
    start = at
    while start > 0 and lines[start - 1].hunk == hunk and not _begins(lines[start].text):
        start -= 1
    end = at + 1
    while end < len(lines) and lines[end].hunk == hunk and not _begins(lines[end].text):
        end += 1
    return start, end


def _begins(text: str) -> bool:
    return (
        bool(_HEAD.match(text)) and not _LABEL.fullmatch(text) and not text.startswith(("else", 'extern "C"'))
    )
