"""What a scan found out: the report and the values in it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from patchscan.basics.pattern import pattern
from patchscan.basics.problem import Problem
from patchscan.basics.record import field, frozen
from patchscan.diff.kinds import read_as_text
from patchscan.finding import CHANGELOG, Finding, Silence
from patchscan.rule import Rule
from patchscan.series import Series, Thread
from patchscan.tree.fit import ON_BASE, Fit
from patchscan.tree.overlay import PatchState

if TYPE_CHECKING:
    from patchscan.cost.schemes import Scheme
    from patchscan.lkmm.answers.outcome import Outcome

MOST_NAMED = 6
_NO_LETTER = pattern(r"[^a-z0-9]+")


@frozen
class Coverage:
    """What was looked at: touched functions, those that did not parse cleanly, the rules that ran.

    tree: whether there was one; blind: the rules that would have asked it; turned_off: rules that the
    configuration left out; files: how many were read as new, 0 where a series was judged; unfollowed: functions that
    were not followed on all ways.
    """

    functions: int = 0
    partial: tuple[str, ...] = ()
    rules_run: tuple[str, ...] = ()
    tree: bool = True
    blind: tuple[str, ...] = ()
    turned_off: tuple[str, ...] = ()
    files: int = 0
    unfollowed: tuple[str, ...] = ()


@frozen
class Judged:
    """How much of what was ours to judge was judged.

    lost: what was not, for which nothing found is not earned (exit status 3); reduced: lines on what was judged
    with less knowledge than there could be; nothing: there was no patch to judge.
    """

    lost: tuple[Problem, ...] = ()
    reduced: tuple[str, ...] = ()
    nothing: bool = False

    @property
    def word(self) -> str:
        """ "fully" or "partly"."""
        return "partly" if self.lost else "fully"

    @property
    def line(self) -> str:
        """What was lost in one line: the first of it and how much more there is; "" where nothing was."""
        if not self.lost:
            return ""
        first, more = self.lost[0], len(self.lost) - 1
        what = "nothing was judged" if self.nothing else "not fully judged"
        return f"{what}: {first.where}: {first.message}" + (f" (and {more} more)" if more else "")

    @property
    def lines(self) -> tuple[str, ...]:
        """For the head of a report: the line on what was lost, then those on what was reduced."""
        return (self.line, *self.reduced) if self.lost else self.reduced


@frozen
class Step:
    """One event of a model's timeline.

    thread: who does it, e.g. "CPU 0: gup_fast()"; path, line: where it comes from, "" and 0 where nothing in the
    code stands for it; reads_from: the number of the step, from 1, whose value it reads; missed: that of the step
    that it should have seen, or have waited for, and did not; None where there is no such step.
    """

    thread: str
    text: str
    path: str = ""
    line: int = 0
    reads_from: int | None = None
    missed: int | None = None


VerdictWord = Literal["safe", "unsafe", "unknown"]


@frozen
class ModelResult:
    """What executing one model of the changed code showed.

    verdict: "safe", "unsafe" or "unknown", before: that of the code before the patch, None where it was not
    asked; outcome: "Never", "Sometimes" or "Always"; repair: a change that is known to make it safe;
    litmus: the test as text; replay: the command that executes it again; patch: the number of the patch after
    which the code is that of the model; reasons: why the verdict is "unknown".
    """

    name: str
    scenario: str
    config: str
    verdict: VerdictWord
    before: VerdictWord | None
    outcome: "Outcome"
    timeline: tuple[Step, ...] = ()
    repair: str | None = None
    assumptions: tuple[str, ...] = ()
    unmodelled: tuple[str, ...] = ()
    litmus: str = ""
    replay: str = ""
    patch: int = 0
    reasons: tuple[str, ...] = ()


AnsweredState = Literal["changed", "near", "announced", "unchanged", "gone", "unclear"]


Stance = Literal["promised", "declined", "answered", ""]


@frozen
class Answered:
    """A review remark on an older revision and what this one made of the line it speaks of.

    patch, path, line, quoted: that line in the older revision, path "" where it could not be found; state: "changed",
    "near" (lines next to it, or others of its function, changed), "announced" (the line is the same, but what is
    written about the newer revision speaks of it), "unchanged", "gone" or "unclear" (it speaks of no line); after: the
    newer line that shows it, or that stands in the place of one that is gone, "" where none does; answer: what the
    author wrote to it, and its stance: "promised", "declined", "answered" or ""; announced: the line of the newer
    cover letter or notes that speaks of it.
    """

    author: str
    message_id: str
    patch: int
    path: str
    line: int
    quoted: str
    text: str
    state: AnsweredState
    after: str = ""
    stance: Stance = ""
    answer: str = ""
    announced: str = ""


@frozen
class Report:
    """The result of a scan.

    costs: what the patches change in the cost of a scheme;
    fit: whether the tree is the base of the series; timings: seconds by stage and rule, empty unless they were asked
    for; remarks: on the revision that --previous names; ended: why the scan ended before its end, "" where it did not;
    records: the file of rules' records that the user named, "" for the one that comes with us.
    """

    thread: Thread
    series: Series | None = None
    states: tuple[PatchState, ...] = ()
    rules: tuple[Rule, ...] = ()
    findings: tuple[Finding, ...] = ()
    silences: tuple[Silence, ...] = ()
    problems: tuple[Problem, ...] = ()
    fit: Fit = ON_BASE
    coverage: Coverage = Coverage()
    models: tuple[ModelResult, ...] = ()
    costs: "tuple[CostChange, ...]" = ()
    timings: tuple[tuple[str, float], ...] = ()
    remarks: tuple[Answered, ...] = ()
    ended: str = ""
    records: str = ""

    @property
    def judged(self) -> Judged:
        """What was not judged, and what with less knowledge."""
        whole = self.series is not None
        lost = [problem for problem in self.problems if problem.lost or not whole]
        lost += map(proof_lost, filter(is_proof_lost, self.models))
        return Judged(tuple(lost), tuple(reduced(self)) if whole else (), nothing=not whole)

    @property
    def base(self) -> str:
        """One line on the tree and whether it is the base of the series."""
        return self.fit.text

    def model_of(self, finding: Finding) -> ModelResult | None:
        """The model that proves a finding, None where there is none."""
        return next((model for model in self.models if model.name == finding.model), None)

    @property
    def shown(self) -> tuple[Finding, ...]:
        """The findings to tell a reader: all but those that were set aside with a reason."""
        return tuple(finding for finding in self.findings if finding.suppressed is None)

    @property
    def unchecked(self) -> tuple[Silence, ...]:
        """Where a rule abstained because it could not know."""
        return tuple(silence for silence in self.silences if not silence.checked)


def is_proof_lost(model: ModelResult) -> bool:
    """Whether a patch made a model that was proved safe one of which nothing is known."""
    return (model.before, model.verdict) == ("safe", "unknown")


def proof_lost(model: ModelResult) -> Problem:
    """That a model is no longer proved safe, with the reason."""
    why = "; ".join(model.reasons) or "no reason is known"
    where = f"model {model.scenario}, patch {model.patch}"
    return Problem(where, f"safe before the patch, not judged after it: {why}", lost=True)


def reduced(report: Report) -> Iterator[str]:
    """What was judged with less knowledge than there could be, one line each."""
    seen = report.coverage
    if not seen.tree:
        blind = f"; blind without it: {few(seen.blind)}" if seen.blind else ""
        yield f"no kernel tree: {'each file alone' if seen.files else 'models were not run'}{blind}"
    if seen.files:
        yield "whole files as if they were new: no model was run, no changelog read"
    files = [file for state in report.states for file in state.files]
    lifted = sum(file.used == "hunk" for file in files)
    if lifted and seen.tree:
        yield report.fit.text
    if text := read_as_text(dict.fromkeys(file.change.path for file in files)):
        yield text
    if report.series is not None and report.series.missing:
        numbers = ", ".join(map(str, report.series.missing[:MOST_NAMED]))
        more = ", ..." if len(report.series.missing) > MOST_NAMED else ""
        yield f"not in the input: patch {numbers}{more} of the series"
    if seen.unfollowed:
        yield f"not followed on all ways, for there are too many: {few(seen.unfollowed)}"
    if seen.turned_off:
        yield f"turned off by the configuration: {few(seen.turned_off)}"


def few(names: Sequence[str]) -> str:
    """Names, of many the first."""
    more = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def anchored(report: Report, finding: Finding) -> tuple[str, int]:
    """(path, line) of a finding for hosts that know files only.

    A changelog's is the first file of its patch, a cover letter's that of the series.
    """
    if finding.path != CHANGELOG:
        return finding.path, finding.line
    files = [
        file for state in report.states if finding.patch in (0, state.patch.index) for file in state.files
    ]
    return (files[0].change.path, 1) if files else ("(no file)", 1)


def changelog_name(patch: int) -> str:
    """What to call the changelog of a patch where a file's name is wanted and none would be true."""
    return f"changelog-of-patch-{patch}" if patch else "cover-letter"


def file_name(title: str) -> str:
    """A title as a file name without its suffix: lower-case letters, digits and hyphens."""
    name = _NO_LETTER.sub("-", title.lower()).strip("-")
    return name[:52].rstrip("-") or "series"


@frozen
class CaseCost:
    """Counts of one case: per call of its updater, and per call of its reader.

    isolates: whether the updater asks which CPUs are isolated; some of them are then, and in user space.
    not_seen: calls of either that were not looked into, each of which could hide what another point counts;
    made: gives what was executed, to execute it on other numbers of CPUs.
    """

    updater: str
    reader: str
    update: Mapping[str, int]
    read: Mapping[str, float]
    isolates: bool = False
    not_seen: tuple[frozenset[str], frozenset[str]] = (frozenset(), frozenset())
    made: "Callable[[], Scheme | None] | None" = field(default=None, compare=False)

    @property
    def scheme(self) -> "Scheme | None":
        """What was executed, None where that is not known."""
        return self.made() if self.made is not None else None


@frozen
class CostChange:
    """What a patch changes: text is one sentence; the counts are exact for the workload that it names.

    functions: who plays the roles of the scenario, by name and path.
    """

    scenario: str
    patch: int
    before: CaseCost
    after: CaseCost
    text: str
    functions: tuple[tuple[str, str], ...] = ()
