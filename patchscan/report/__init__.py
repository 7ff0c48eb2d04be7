"""The Report: everything a scan found, as one value. One module a format renders it."""

from dataclasses import dataclass

from patchscan.overlay import PatchState
from patchscan.problem import Problem
from patchscan.rule import Finding, Rule, Silence
from patchscan.series import Series, Thread

FORMATS = ("text", "json")


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


def render(report: Report, form: str, width: int = 80, colour: bool = False) -> str:
    """The report in one of FORMATS; width in columns and colour are for `text` only."""
    if form == "json":
        from patchscan.report import json

        return json.render(report)
    from patchscan.report import text

    return text.render(report, width, colour)
