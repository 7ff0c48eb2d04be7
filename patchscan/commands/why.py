"""What every rule made of one line of a series."""

from textwrap import wrap

from patchscan.basics.orders import inert
from patchscan.basics.printable import printable
from patchscan.finding import Finding, Silence
from patchscan.results import Report


def explain_line(report: Report, path: str, line: int) -> str:
    """A line a rule that looked there: its finding, or why it was silent; then the rules that had nothing to judge.

    path, line: as in a finding, "(changelog)" for a changelog; the answer covers every patch of the series.
    """
    said: tuple[Finding | Silence, ...] = (*report.findings, *report.silences)
    there = [each for each in said if (each.path, each.line) == (path, line)]
    rows = [f"{printable(path)}:{line}"]
    rows += [
        f"  {each.rule}: {described(each)}"
        for each in sorted(there, key=lambda each: (each.rule, each.patch))
    ]
    spoke = {each.rule for each in there}
    rest = ", ".join(rule.name for rule in report.rules if rule.name not in spoke)
    if rest:
        text = f"nothing on this line that these rules judge: {rest}"
        rows += wrap(text, 80, initial_indent="  ", subsequent_indent="    ", break_on_hyphens=False)
    return inert("\n".join(rows) + "\n")


def described(remark: Finding | Silence) -> str:
    """One remark in words."""
    where = f"(patch {remark.patch})"
    if isinstance(remark, Finding):
        return f"{remark.severity}: {printable(remark.message)} {where}"
    return f"{'silent' if remark.checked else 'not checked'}: {printable(remark.reason)} {where}"
