"""Mechanical fixes: the edits of each finding, and all of a report's as one patch on top of its series."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import SequenceMatcher

from patchscan.basics.problem import Problem
from patchscan.basics.record import frozen
from patchscan.diff.lines import passage
from patchscan.diff.write import CONTEXT, changed_rows, steps_between
from patchscan.finding import Edit, Finding
from patchscan.results import Report
from patchscan.tree.overlay import FileState


@frozen
class Island:
    """Lines that stand together in the file as the series leaves it; first: the number of the first one."""

    first: int
    lines: tuple[str, ...]


@frozen
class Change:
    """Lines of an island to replace: old ones from index `start` on, which may be none."""

    start: int
    old: tuple[str, ...]
    new: tuple[str, ...]

    @property
    def end(self) -> int:
        return self.start + len(self.old)


def fix_patch(report: Report) -> tuple[str, tuple[Problem, ...]]:
    """(one patch on top of the series with the fixes of all findings that are open, what could not go into it).

    The patch is "" where there is no fix.
    """
    wanted: dict[str, list[Finding]] = {}
    for finding in report.findings:
        if finding.fix and finding.stands:
            wanted.setdefault(finding.path, []).append(finding)
    problems: list[Problem] = []
    fixed: list[Finding] = []
    diffs = []
    for path, findings in wanted.items():
        changed, done, left_out = fix_file(report, path, findings)
        problems += [Problem(f"fix of {each.rule}, {each.path}:{each.line}", why) for each, why in left_out]
        fixed += done
        if changed:
            diffs.append(changed)
    if not diffs:
        return "", tuple(problems)
    entries = [f"- {each.rule}: {each.path}" for each in fixed]
    head = ["Subject: [PATCH] Apply mechanical fixes of patchscan", "", *dict.fromkeys(entries), "---", ""]
    return "\n".join(head) + "\n" + "".join(diffs), tuple(problems)


def fix_file(
    report: Report, path: str, findings: Sequence[Finding]
) -> tuple[str, list[Finding], list[tuple[Finding, str]]]:
    """(the diff of one file, the findings it fixes, those that it does not and why)."""
    states = {
        state.patch.index: file for state in report.states for file in state.files if file.change.path == path
    }
    islands = islands_of(report, path, states)
    edits: list[list[Change]] = [[] for _ in islands]
    fixed: list[Finding] = []
    left_out: list[tuple[Finding, str]] = []
    for finding in findings:
        found = [place(edit, islands, states, finding.patch) for edit in finding.fix or ()]
        if not found or None in found:
            left_out.append((finding, "a later patch changes these lines, or their file is not at hand"))
            continue
        placed = not_made(filter(None, found), edits)
        if any(overlaps(edit, edits[number]) for number, several in placed for edit in several):
            left_out.append((finding, "another fix changes these lines: apply that, then ask again"))
            continue
        for number, several in placed:
            edits[number] += several
        fixed.append(finding)
    rows: list[str] = []
    grown = 0
    for island, made in zip(islands, edits, strict=True):
        after = edited(island.lines, made)
        rows += island_rows(island, after, grown)
        grown += len(after) - len(island.lines)
    return (f"--- a/{path}\n+++ b/{path}\n" + "\n".join(rows) + "\n" if rows else ""), fixed, left_out


def islands_of(report: Report, path: str, states: Mapping[int, FileState]) -> list[Island]:
    """What is known of a file after the series: all of it, or the lines that the hunks show."""
    final = report.states[-1].view.read(path) if report.states else None
    if final is not None and all(file.used == "tree" for file in states.values()):
        text = final.decode("utf-8", "surrogateescape")
        return [Island(1, tuple(text.removesuffix("\n").split("\n")))] if text.endswith("\n") else []
    known: dict[int, str] = {}
    for number in sorted(states):
        moved = ((moved_by(states[number], line, use_offsets=False), text) for line, text in known.items())
        known = {line: text for line, text in moved if line is not None}
        for hunk in states[number].change.hunks:
            known.update((line.new, line.text) for line in hunk.lines if line.new is not None)
    return list(runs(known))


def runs(known: Mapping[int, str]) -> Iterator[Island]:
    """Lines by number as islands."""
    run: list[int] = []
    for number in sorted(known):
        if run and number != run[-1] + 1:
            yield Island(run[0], tuple(known[each] for each in run))
            run = []
        run.append(number)
    if run:
        yield Island(run[0], tuple(known[each] for each in run))


def not_made(
    placed: Iterable[tuple[int, list[Change]]], edits: Sequence[list[Change]]
) -> list[tuple[int, list[Change]]]:
    """The changes of a fix without those that another one made: two may need the same new line, as an #include."""
    return [
        (number, [edit for edit in several if edit.old or edit not in edits[number]])
        for number, several in placed
    ]


def place(
    edit: Edit, islands: Sequence[Island], states: Mapping[int, FileState], patch: int
) -> tuple[int, list[Change]] | None:
    """(number of the island, changes) of an edit made on top of one patch, as the last one leaves the file."""
    whole = len(islands) == 1 and islands[0].first == 1
    line: int | None = edit.start
    if whole and patch in states:
        line = edit.start + offset_near(states[patch], edit.start)
    for number in sorted(states):
        if number > patch and line is not None:
            line = moved_by(states[number], line, use_offsets=whole)
    before = edit.before
    found = [
        (abs(island.first + at - line), number, at)
        for number, island in enumerate(islands)
        for at in range(len(island.lines) - len(before) + 1)
        if line is not None and island.lines[at : at + len(before)] == before
    ]
    if found:
        _, number, at = min(found)
        return number, list(changes_of(edit, at))
    # A fix of an earlier patch may have added the line already.
    after = () if edit.old else edit.after
    there = (
        number
        for number, island in enumerate(islands)
        for at in range(len(island.lines) - len(after) + 1)
        if after and island.lines[at : at + len(after)] == after
    )
    made = next(there, None)
    return None if made is None else (made, [])


def changes_of(edit: Edit, at: int) -> Iterator[Change]:
    """Each run of changed lines of an edit whose first known line stands at an index of its island."""
    begin = at + len(edit.above)
    for kind, first, last, new_first, new_last in steps_between(edit.old, edit.new):
        if kind != "equal":
            yield Change(begin + first, edit.old[first:last], edit.new[new_first:new_last])


def offset_near(state: FileState, line: int) -> int:
    """How far the hunk around a line of the patch was moved to fit the tree."""
    offset = 0
    for hunk, moved in zip(state.change.hunks, state.offsets or (0,) * len(state.change.hunks), strict=True):
        if line >= hunk.new_start:
            offset = moved
    return offset


def moved_by(state: FileState, line: int, use_offsets: bool) -> int | None:
    """Where a line before a patch stands after it, None where the patch takes it away."""
    return passage(state.change.hunks, state.offsets if use_offsets else ()).kept(line)


def overlaps(edit: Change, others: Sequence[Change]) -> bool:
    """Whether an edit touches lines that another one changes, or both add at one place."""
    return any(
        (edit.start < other.end and other.start < edit.end) or edit.start == other.start for other in others
    )


def edited(lines: Sequence[str], edits: Sequence[Change]) -> list[str]:
    """The lines with all edits made."""
    result = list(lines)
    for edit in sorted(edits, key=lambda each: each.start, reverse=True):
        result[edit.start : edit.end] = edit.new
    return result


def island_rows(island: Island, after: Sequence[str], grown: int) -> Iterator[str]:
    """The hunks between an island and what became of it; grown: lines added above it in the file."""
    matcher = SequenceMatcher(None, island.lines, after, autojunk=False)
    for group in matcher.get_grouped_opcodes(CONTEXT):
        if all(kind == "equal" for kind, *_ in group):
            continue
        (_, old, _, new, _), (_, _, old_end, _, new_end) = group[0], group[-1]
        sides = f"-{island.first + old},{old_end - old} +{island.first + grown + new},{new_end - new}"
        yield f"@@ {sides} @@"
        yield from changed_rows(group, island.lines, after)
