"""The mechanical fixes as commits that git rebase --autosquash folds into the patches they belong to.

A mail a patch, for git am on top of the series: by the author of the patch and with its date, whose commit it becomes a
part of.
"""

from collections.abc import Iterator, Sequence

from patchscan import __version__
from patchscan.basics.printable import printable
from patchscan.finding import Finding
from patchscan.report.mail import MIME, SEPARATOR, addresses, encoded, people
from patchscan.results import Report, file_name
from patchscan.series import Patch
from patchscan.settling.fixes import (
    Change,
    Island,
    edited,
    island_rows,
    islands_of,
    not_made,
    overlaps,
    place,
)
from patchscan.tree.overlay import FileState


def render(report: Report) -> str:
    """All of them as one mailbox; "" where there is no fix."""
    return "".join(text for _, text in fixups(report))


def fixups(report: Report) -> Iterator[tuple[str, str]]:
    """(file name, mailbox of one mail) for each patch with fixes; each is made on top of those before."""
    files: dict[str, list[Island]] = {}
    for patch in report.series.patches if report.series else ():
        wanted: dict[str, list[Finding]] = {}
        for finding in report.findings:
            if finding.fix and finding.stands and finding.patch == patch.index:
                wanted.setdefault(finding.path, []).append(finding)
        diffs, done, left_out = [], [], []
        for path, findings in wanted.items():
            rows, fixed, others = fixed_file(report, path, findings, files)
            done += fixed
            left_out += others
            if rows:
                diffs.append("\n".join([f"--- a/{path}", f"+++ b/{path}", *rows]))
        if diffs:
            name = f"{patch.index:04}-fixup-{file_name(patch.title)}.patch"
            yield name, mail(patch, diffs, done, left_out)


def fixed_file(
    report: Report, path: str, findings: Sequence[Finding], files: dict[str, list[Island]]
) -> tuple[list[str], list[Finding], list[Finding]]:
    """(the hunks of one file, the findings they fix, those they do not); files: each as fixed so far, which changes."""
    states: dict[int, FileState] = {
        state.patch.index: file for state in report.states for file in state.files if file.change.path == path
    }
    islands = files.get(path) or islands_of(report, path, states)
    edits: list[list[Change]] = [[] for _ in islands]
    fixed: list[Finding] = []
    left_out: list[Finding] = []
    for finding in findings:
        found = [place(edit, islands, states, finding.patch) for edit in finding.fix or ()]
        placed = not_made(filter(None, found), edits)
        clash = any(overlaps(edit, edits[number]) for number, several in placed for edit in several)
        if not found or len(placed) < len(found) or clash:
            left_out.append(finding)
            continue
        for number, several in placed:
            edits[number] += several
        fixed.append(finding)
    rows: list[str] = []
    after: list[Island] = []
    grown = 0
    for island, made in zip(islands, edits, strict=True):
        lines = tuple(edited(island.lines, made))
        rows += island_rows(island, lines, grown)
        after.append(Island(island.first + grown, lines))
        grown += len(lines) - len(island.lines)
    files[path] = after
    return rows, fixed, left_out


def mail(patch: Patch, diffs: Sequence[str], done: Sequence[Finding], left_out: Sequence[Finding]) -> str:
    """One mail as git am reads it."""
    head = [SEPARATOR, f"Subject: {encoded(printable(f'[PATCH] fixup! {patch.title}'))}"]
    author = addresses([patch.author])
    head += [f"From: {people(author)}"] if author else []
    head += [f"Date: {printable(patch.date)}"] if patch.date else []
    notes = [
        f"not here, apply the others first: {each.rule}, {printable(each.path)}:{each.line}"
        for each in left_out
    ]
    body = ["", *dict.fromkeys(f"- {each.rule}: {printable(each.path)}" for each in done), "---", *notes, ""]
    return "\n".join([*head, *MIME, *body, *diffs, "-- ", __version__, "", ""])
