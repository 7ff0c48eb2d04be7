"""The Report: everything a scan found, as one value. One module a format renders it."""

from dataclasses import dataclass
from importlib import import_module

from patchscan.overlay import PatchState
from patchscan.problem import Problem
from patchscan.rule import CHANGELOG, Finding, Rule, Silence
from patchscan.series import Series, Thread


@dataclass(frozen=True)
class Coverage:
    """What was looked at: touched functions, those that did not parse cleanly, the rules that ran."""

    functions: int = 0
    partial: tuple[str, ...] = ()
    rules_run: tuple[str, ...] = ()


@dataclass(frozen=True)
class Report:
    """The result of a scan; base: one line on the tree and whether it is the base of the series."""

    thread: Thread
    series: Series | None = None
    states: tuple[PatchState, ...] = ()
    rules: tuple[Rule, ...] = ()
    findings: tuple[Finding, ...] = ()
    silences: tuple[Silence, ...] = ()
    problems: tuple[Problem, ...] = ()
    base: str = ""
    coverage: Coverage = Coverage()

    @property
    def unchecked(self) -> tuple[Silence, ...]:
        """Where a rule abstained because it could not know."""
        return tuple(silence for silence in self.silences if not silence.checked)


def anchored(report: Report, finding: Finding) -> tuple[str, int]:
    """(path, line) of a finding for hosts that know files only: a changelog's is the first file of its patch."""
    if finding.path != CHANGELOG:
        return finding.path, finding.line
    files = [file for state in report.states if state.patch.index == finding.patch for file in state.files]
    return (files[0].change.path, 1) if files else ("(no file)", 1)


def render(report: Report, form: str, width: int = 80, colour: bool = False) -> str:
    """The report in one of the formats of patchscan.job; width in columns and colour are for `text` only."""
    if form == "text":
        from patchscan.report import text

        return text.render(report, width, colour)
    if form in ("concise", "github", "b4"):
        from patchscan.report import lines

        return lines.render(report, form)
    module = import_module(f"patchscan.report.{form}")
    text_of: str = module.render(report)
    return text_of
