"""The line of a patch that a review remark speaks of: where what it quotes stands."""

from collections.abc import Iterator, Sequence

from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen, replace
from patchscan.finding import CHANGELOG
from patchscan.series import Patch, Remark

# A remark speaks of the end of what it quotes: so far up its line is looked for.
FARTHEST_LINE = 12
# So much of a line stands quoted above its end that was wrapped, at least.
_LEAST_OF_WRAPPED = 10
_SUBSTITUTION = pattern(r"(?<![\w/])s/([^/\n]{2,60})/[^/\n]{0,60}/")


@frozen
class Said:
    """One line of a patch as a reviewer can quote it.

    kind: as in series.Line, "" for the changelog; hunk: the number of its hunk in the file, 0 for the changelog.
    """

    path: str
    number: int
    kind: str
    text: str
    hunk: int = 0

    @property
    def key(self) -> str:
        """The line without the white space that mailers change."""
        return self.kind.strip() + squeezed(self.text)

    @property
    def trivial(self) -> bool:
        """Whether the line holds no word, as a brace alone does."""
        return not any(character.isalnum() for character in self.text)


@frozen
class Spoken:
    """The line that a remark speaks of, its place in lines_of() of the patch, and how many quoted lines stand there."""

    line: Said
    at: int
    company: int


def squeezed(text: str) -> str:
    """The text without white space."""
    return "".join(text.split())


def lines_of(patch: Patch) -> Iterator[Said]:
    """Every line of a patch that can be spoken of, its changelog first, without the trailers."""
    trailers = {trailer.line for trailer in patch.trailers}
    for number, text in enumerate(patch.changelog, 1):
        if number not in trailers:
            yield Said(CHANGELOG, number, "", text)
    for change in patch.files:
        for at, hunk in enumerate(change.hunks, 1):
            for line in hunk.lines:
                yield Said(change.path, line.new or line.old or 0, line.kind, line.text, at)


def line_spoken_of(remark: Remark, patch: Patch) -> Spoken | None:
    """The line at the end of the quotation; of several like it the one in its company, a changed one first.

    Where the remark is s/X/Y/ and the line has no X, it is the last quoted line that has, a trailer included.
    """
    lines = tuple(lines_of(patch))
    found = _line_at_end(remark, lines)
    replaced = [wrong[1] for line in remark.text if (wrong := _SUBSTITUTION.search(line))]
    if not replaced or (found and replaced[0] in found.line.text):
        return found
    quoted = {squeezed(text) for text in remark.quoted if replaced[0] in text}
    whole = [Said(CHANGELOG, number, "", text) for number, text in enumerate(patch.changelog, 1)]
    lines = (*whole, *(line for line in lines if line.path != CHANGELOG))
    held = [Spoken(line, at, 1) for at, line in enumerate(lines) if line.key in quoted]
    return held[-1] if held else found


def _line_at_end(remark: Remark, lines: Sequence[Said]) -> Spoken | None:
    quoted = [squeezed(text) for text in remark.quoted if text.strip()]
    places: dict[str, list[int]] = {}
    for at, line in enumerate(lines):
        if not line.trivial:
            places.setdefault(line.key, []).append(at)
    for end in range(len(quoted), max(len(quoted) - FARTHEST_LINE, 0), -1):
        candidates = places.get(quoted[end - 1], ())
        if candidates:
            count, _, at = max(
                (company(lines, at, quoted[:end]), lines[at].kind != " ", -at) for at in candidates
            )
            if count > 1 or len(candidates) == 1 or lines[-at].kind != " ":
                return Spoken(lines[-at], -at, count)
    return None


def without_wrapped(remark: Remark, patch: Patch) -> Remark:
    """The remark without the ends of quoted lines that a mailer wrapped, so that they stand unquoted below."""
    text = list(remark.text)
    if not (text and remark.quoted):
        return remark
    end, start = squeezed(text[0]), squeezed(remark.quoted[-1])
    if not (end and start):
        return remark
    for line in lines_of(patch):
        whole = squeezed(line.text)
        head = whole.removesuffix(end)
        if head != whole and len(head) >= _LEAST_OF_WRAPPED and start.endswith(head):
            return replace(remark, text=tuple(text[1:]))
    return remark


def company(lines: Sequence[Said], at: int, quoted: Sequence[str]) -> int:
    """How many lines up to a place are quoted in the same order."""
    above = [line.key for line in lines[max(at - FARTHEST_LINE, 0) : at + 1] if squeezed(line.text)]
    count = 0
    for one, other in zip(reversed(above), reversed(quoted), strict=False):
        if one != other:
            break
        count += 1
    return count
