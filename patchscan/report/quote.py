"""A patch quoted for a reply: the lines around each remark, the rest cut to "[ ... ]"."""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence

from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen
from patchscan.finding import CHANGELOG, Finding
from patchscan.report.prose import shown
from patchscan.series import FileChange, Hunk, Patch

CUT = "[ ... ]"
# How much stays above and below a remark, and how long a gap must be to be cut.
LINES_ABOVE = 12
LINES_BELOW = 2
SHORTEST_CUT = 4
LONGEST_SENTENCE = 6
FARTHEST_HEAD = 24
FUNCTION_HEAD = pattern(r"[-+ ][A-Za-z_][\w \t*]*\(")


@frozen
class Quoted:
    """One line of the patch, and the findings that speak of it; proof: it is one that a finding rests on."""

    text: str
    findings: tuple[Finding, ...] = ()
    head: bool = False
    proof: bool = False


def quoted_lines(patch: Patch, findings: Sequence[Finding]) -> tuple[list[Quoted | None], list[Finding]]:
    """(the patch's lines around the findings, None for each cut; the findings on lines that it does not hold)."""
    placed: set[int] = set()
    parts = [changelog_lines(patch, findings, placed)]
    parts += [file_lines(change, findings, placed) for change in patch.files]
    lines: list[Quoted | None] = []
    for part in parts:
        near = shortened(part)
        lines += [None, *near] if lines and near else near
    return lines, [finding for finding in findings if id(finding) not in placed]


def changelog_lines(patch: Patch, findings: Sequence[Finding], placed: set[int]) -> list[Quoted]:
    """The changelog; a remark stands below the sentence it speaks of."""
    said: dict[int, list[Finding]] = {}
    for finding in findings:
        if finding.path == CHANGELOG and 0 < finding.line <= len(patch.changelog):
            said.setdefault(sentence_end(patch.changelog, finding.line), []).append(finding)
            placed.add(id(finding))
    if not said:
        return []
    return [Quoted(text, tuple(said.get(number, ()))) for number, text in enumerate(patch.changelog, 1)] + [
        Quoted("")
    ]


def sentence_end(changelog: Sequence[str], line: int) -> int:
    """The number of the line on which the sentence of a line ends."""
    for number in range(line, min(len(changelog), line + LONGEST_SENTENCE) + 1):
        text = changelog[number - 1].rstrip()
        following = changelog[number].strip() if number < len(changelog) else ""
        if text.endswith((".", "!", "?", ":")) or not following:
            return number
    return line


def file_lines(change: FileChange, findings: Sequence[Finding], placed: set[int]) -> list[Quoted]:
    """The hunks of one file that are spoken of, below the names of the file."""
    said = [finding for finding in findings if finding.path == change.path]
    by_line: dict[int, list[Finding]] = {}
    for finding in said:
        by_line.setdefault(finding.line, []).append(finding)
    old = f"a/{change.old_path}" if change.old_path else "/dev/null"
    new = f"b/{change.path}" if change.kind != "delete" else "/dev/null"
    lines = [Quoted(f"--- {old}", head=True), Quoted(f"+++ {new}", head=True)]
    graver = (finding for finding in said if finding.severity != "info")
    proofs = {(each.line, each.text.strip()) for finding in graver for each in finding.evidence
              if each.path == change.path}  # fmt: skip
    for hunk in change.hunks:
        lines += hunk_lines(hunk, by_line, proofs, placed)
    return lines


def hunk_lines(
    hunk: Hunk, by_line: Mapping[int, list[Finding]], proofs: Container[tuple[int, str]], placed: set[int]
) -> list[Quoted]:
    """The lines of a hunk, nothing where it is not spoken of; proofs: (line, text) of what findings rest on."""
    spoken_of = [line for line in hunk.lines if line.new in by_line]
    if not spoken_of:
        return []
    old, new = (f"{hunk.old_start},{hunk.old_count}", f"{hunk.new_start},{hunk.new_count}")
    lines = [Quoted(f"@@ -{old} +{new} @@ {hunk.section}".rstrip(), head=True)]
    for line in hunk.lines:
        findings = by_line.get(line.new, ()) if line.new is not None else ()
        placed.update(id(finding) for finding in findings)
        proof = line.new is not None and (line.new, line.text.strip()) in proofs
        lines.append(Quoted(line.kind + line.text, tuple(findings), proof=proof))
    return lines


def shortened(lines: Sequence[Quoted]) -> list[Quoted | None]:
    """The lines near a remark, None for each run of others; nothing below the last remark."""
    remarks = [at for at, line in enumerate(lines) if line.findings]
    if not remarks:
        return []
    kept = {at for at, line in enumerate(lines) if line.head}
    for remark in remarks:
        kept.update(range(first_near(lines, remark), remark + LINES_BELOW + 1))
    for at in (number for number, line in enumerate(lines) if line.proof):
        kept.update((at - 1, at))
    result: list[Quoted | None] = []
    gap: list[Quoted] = []
    for at, line in enumerate(lines[: remarks[-1] + 1]):
        if at not in kept:
            gap.append(line)
            continue
        result += gap if len(gap) < SHORTEST_CUT else [None]
        gap = []
        result.append(line)
    return result


def first_near(lines: Sequence[Quoted], remark: int) -> int:
    """The index of the first line to keep above a remark: the head of its function where that is near.

    In a changelog, which has no heads, it is the first line of the paragraph.
    """
    if not any(line.head for line in lines):
        above = (
            at for at in range(remark, max(remark - LINES_ABOVE, 0), -1) if not lines[at - 1].text.strip()
        )
        return next(above, max(remark - LINES_ABOVE, 0))
    for at in range(remark, max(remark - FARTHEST_HEAD, 0), -1):
        if FUNCTION_HEAD.match(lines[at].text):
            return min(at, remark - LINES_ABOVE)
        if lines[at].head:
            break
    return remark - LINES_ABOVE


def as_quotation(lines: Iterable[Quoted | None]) -> Iterator[tuple[str, tuple[Finding, ...]]]:
    """Each line as mail quotes it, with its findings; a cut stands between empty lines."""
    for line in lines:
        if line is None:
            yield "", ()
            yield CUT, ()
            yield "", ()
        else:
            yield f"> {shown(line.text)}".rstrip(), line.findings
