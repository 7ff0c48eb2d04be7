"""What every rule made of one line of a series."""

from patchscan.printable import printable
from patchscan.report import Report
from patchscan.rule import Finding, Silence


def explain_line(report: Report, path: str, line: int) -> str:
    """A line a rule: its finding, why it was silent, or that the line holds nothing it looks at.

    path, line: as in a finding, "(changelog)" for a changelog; the answer covers every patch of the series.
    """
    rows = [f"{printable(path)}:{line}"]
    for rule in report.rules:
        said: tuple[Finding | Silence, ...] = (*report.findings, *report.silences)
        remarks = [each for each in said if (each.rule, each.path, each.line) == (rule.name, path, line)]
        rows += [f"  {rule.name}: {described(remark)}" for remark in remarks]
        if not remarks:
            rows.append(f"  {rule.name}: found nothing on this line that it judges")
    return "\n".join(rows) + "\n"


def described(remark: Finding | Silence) -> str:
    """One remark in words."""
    where = f"(patch {remark.patch})"
    if isinstance(remark, Finding):
        return f"{remark.severity}: {printable(remark.message)} {where}"
    return f"{'silent' if remark.checked else 'not checked'}: {printable(remark.reason)} {where}"
