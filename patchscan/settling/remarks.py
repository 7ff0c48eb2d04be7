"""Review remarks on an older revision, tied to the lines they speak of, and what a newer one made of these lines."""

from collections import Counter
from collections.abc import Iterator, Sequence

from patchscan.basics.record import frozen
from patchscan.finding import CHANGELOG
from patchscan.results import Answered
from patchscan.series import Patch, Remark, Reply, Series, Thread

# A remark speaks of the end of what it quotes: so far up its line is looked for.
FARTHEST_LINE = 12
NEAR = 2


@frozen
class Said:
    """One line of a patch as a reviewer can quote it; kind as in series.Line, "" for the changelog."""

    path: str
    number: int
    kind: str
    text: str

    @property
    def key(self) -> str:
        """The line without the white space that mailers change."""
        return self.kind.strip() + squeezed(self.text)

    @property
    def trivial(self) -> bool:
        """Whether the line holds no word, as a brace alone does."""
        return not any(character.isalnum() for character in self.text)


def squeezed(text: str) -> str:
    """The text without white space."""
    return "".join(text.split())


def answers(older: Thread, newer: Series) -> tuple[Answered, ...]:
    """What became of each review remark of a thread's first series, in the order of the replies.

    A remark is a reviewer's own text below a quotation of a patch; what its author
    writes, answers in a discussion and given trailers are none.
    """
    if not older.series:
        return ()
    # A revision that was sent twice is answered under either.
    same = [each for each in older.series if each.revision == older.series[0].revision]
    patches = {patch.message_id: patch for each in same for patch in each.mails if patch.message_id}
    found = []
    for reply in older.replies:
        patch = patches.get(reply.parent or "")
        if patch is None or address(reply.author) == address(patch.author):
            continue
        for remark in reply.remarks:
            if asks_something(remark, reply):
                found.append(answered(remark, reply, patch, newer))
    return tuple(found)


def address(author: str) -> str:
    """The address of "Name <address>"."""
    return author.rpartition("<")[2].strip("> ").lower()


def asks_something(remark: Remark, reply: Reply) -> bool:
    """Whether a remark may ask for a change: more than thanks, and no praise that comes with a trailer."""
    given = {squeezed(f"{trailer.key}:{trailer.value}") for trailer in reply.trailers}
    own = [line for line in remark.text if squeezed(line) not in given]
    words = " ".join(own).split()
    approves = len(own) < len(remark.text) and not any("?" in word for word in words)
    return bool(remark.quoted) and len(words) > 2 and not approves


def answered(remark: Remark, reply: Reply, patch: Patch, newer: Series) -> Answered:
    """What the newer series made of the line that a remark speaks of."""
    line = line_spoken_of(remark, patch)
    return Answered(
        author=reply.author,
        message_id=reply.message_id,
        patch=patch.index,
        path=line.path if line else "",
        line=line.number if line else 0,
        quoted=line.text if line else "",
        text=" ".join(" ".join(remark.text).split()),
        state=state_of(line, patch, newer) if line else "unclear",
    )


def lines_of(patch: Patch) -> Iterator[Said]:
    """Every line of a patch that can be spoken of, its changelog first, without the trailers."""
    trailers = {trailer.line for trailer in patch.trailers}
    for number, text in enumerate(patch.changelog, 1):
        if number not in trailers:
            yield Said(CHANGELOG, number, "", text)
    for change in patch.files:
        for hunk in change.hunks:
            for line in hunk.lines:
                yield Said(change.path, line.new or line.old or 0, line.kind, line.text)


def line_spoken_of(remark: Remark, patch: Patch) -> Said | None:
    """The changed or changelog line at the end of the quotation; of several like it the one in its company."""
    lines = tuple(lines_of(patch))
    quoted = [squeezed(text) for text in remark.quoted if text.strip()]
    places: dict[str, list[int]] = {}
    for at, line in enumerate(lines):
        if line.kind != " " and not line.trivial:
            places.setdefault(line.key, []).append(at)
    for end in range(len(quoted), max(len(quoted) - FARTHEST_LINE, 0), -1):
        candidates = places.get(quoted[end - 1], ())
        if candidates:
            return lines[max(candidates, key=lambda at: (company(lines, at, quoted[:end]), -at))]
    return None


def company(lines: Sequence[Said], at: int, quoted: Sequence[str]) -> int:
    """How many lines up to a place are quoted in the same order."""
    above = [line.key for line in lines[max(at - FARTHEST_LINE, 0) : at + 1] if squeezed(line.text)]
    count = 0
    for one, other in zip(reversed(above), reversed(quoted), strict=False):
        if one != other:
            break
        count += 1
    return count


def state_of(line: Said, patch: Patch, newer: Series) -> str:
    """ "changed", "near" (lines next to it changed), "unchanged", or "gone" with the file it stands in."""
    if line.path == CHANGELOG:
        texts = [[each.key for each in lines_of(other) if each.path == CHANGELOG] for other in newer.mails]
        now = Counter(key for each in texts for key in each)
    else:
        files = [each for other in newer.patches for each in lines_of(other) if each.path == line.path]
        if not files:
            return "gone"
        now = Counter(each.key for each in files)
    if line.key not in now:
        return "changed"
    return "unchanged" if all(key in now for key in neighbours(line, patch)) else "near"


def neighbours(line: Said, patch: Patch) -> list[str]:
    """The changed lines next to a line, those without a word left out."""
    lines = [
        each for each in lines_of(patch) if each.path == line.path and each.kind != " " and not each.trivial
    ]
    at = next(number for number, each in enumerate(lines) if each == line)
    return [each.key for each in lines[max(at - NEAR, 0) : at + NEAR + 1]]
