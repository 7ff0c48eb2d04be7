"""What the reply to each patch says: the findings on this patch only, those of one cause told at the first of them."""

from collections.abc import Iterator, Sequence

from patchscan.basics.record import replace
from patchscan.basics.usage import LEVELS
from patchscan.finding import CHANGELOG, Finding
from patchscan.report.folded import names_in, words_of
from patchscan.results import Report
from patchscan.series import Patch
from patchscan.settling.together import cause

# So many more cases of one remark are pointed out at their places; of more the first one names them.
MOST_CASES = 3
_MOST_NAMES = 8


def replies(report: Report, level: str) -> Iterator[tuple[Patch, tuple[Finding, ...]]]:
    """(patch, what its reply says) for each patch worth a reply, in the order of the series.

    level: the severity that makes it so. What was told with a finding of another patch is said of its own.
    """
    worth = {
        each.patch
        for each in report.findings
        if each.counts and LEVELS.index(each.severity or "info") >= LEVELS.index(level)
    }
    groups: dict[object, list[Finding]] = {}
    for finding in (told_alone(each) for each in report.findings if each.stands):
        groups.setdefault(_cause(finding), []).append(finding)
    said: dict[int, list[Finding]] = {}
    for group in groups.values():
        for finding in told(group, [each for each in group if each.patch in worth]):
            said.setdefault(finding.patch, []).append(finding)
    for patch in report.series.mails if report.series else ():
        if patch.index in said:
            yield patch, tuple(in_order(report, said[patch.index]))


def told_alone(finding: Finding) -> Finding:
    """A finding as it was before others were told with it, or it with another."""
    return replace(finding, message=finding.own, alone="", suppressed=None)


def _cause(finding: Finding) -> object:
    """What is told once: of a changelog once a series, of code once a patch."""
    if finding.severity == "error" or finding.model:
        return id(finding)
    if finding.path == CHANGELOG:
        return cause(finding)
    if finding.severity == "info":
        return finding.patch, cause(finding)
    return finding.patch, finding.rule, words_of(finding.message)


def told(group: Sequence[Finding], here: Sequence[Finding]) -> Sequence[Finding]:
    """Which findings of one cause are said, and how; here: those of patches that get a reply."""
    if len(group) == 1 or not here:
        return here
    first, *others = here
    if first.path == CHANGELOG:
        patches = sorted({each.patch for each in group if each.patch not in (0, first.patch)})
        return (with_others(first, f"in {numbered(patches)}" if patches else "below"),)
    if first.severity == "info":
        files = sorted({each.path for each in others} - {first.path})
        return (with_others(first, f"in {', '.join(files)}" if files else "further down"),)
    return (with_others(first, cases(first, others)),) if len(others) > MOST_CASES else here


def with_others(first: Finding, where: str) -> Finding:
    """A finding that says where else it holds, after the question that it may ask."""
    if first.message.endswith("?"):
        return replace(first, message=f"{first.message} The same {where}")
    return replace(first, message=f"{first.message}; the same {where}")


def cases(first: Finding, others: Sequence[Finding]) -> str:
    """The other cases by the names that they speak of, by their number where they have none."""
    known = names_in(first.message)
    names: list[str] = []
    for each in others:
        more = sorted(names_in(each.message) - known, key=each.message.index)
        names += [f"{name}()" if f"{name}()" in each.message else name for name in more if name not in names]
    plain = list(dict.fromkeys(names))
    if not plain:
        return f"in {len(others)} more places"
    left = len(plain) - _MOST_NAMES
    return f"for {', '.join(plain[:_MOST_NAMES])}" + (f" and {left} more" if left > 0 else "")


def numbered(patches: Sequence[int]) -> str:
    """Patches by number: "patch 2", "patches 2, 4 to 6 and 9"."""
    runs: list[list[int]] = []
    for number in patches:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    parts = [part for run in runs for part in run_texts(run)]
    if len(patches) == 1:
        return f"patch {parts[0]}"
    listed = f"{', '.join(parts[:-1])} and {parts[-1]}" if len(parts) > 1 else parts[0]
    return f"patches {listed}"


def run_texts(run: Sequence[int]) -> list[str]:
    """Numbers that follow each other, three and more by the first and the last."""
    return [f"{run[0]} to {run[-1]}"] if len(run) > 2 else [str(number) for number in run]


def in_order(report: Report, findings: Sequence[Finding]) -> list[Finding]:
    """Findings in the order in which the report has them."""
    places = {
        (each.patch, each.path, each.line, each.rule): at
        for at, each in reversed(list(enumerate(report.findings)))
    }
    return sorted(findings, key=lambda each: places[each.patch, each.path, each.line, each.rule])
