"""The state of a Patchwork check: success, warning or fail, and a description of one line."""

from patchscan.basics.printable import printable
from patchscan.report.one_line import failing
from patchscan.results import Report


def render(report: Report) -> str:
    """`state: description`, e.g. "warning: 2 warnings: missing-braces, unneeded-export"."""
    state, description = check(report)
    return f"{state}: {description}\n"


def check(report: Report) -> tuple[str, str]:
    """(state, description) as Patchwork's check API takes them."""
    if report.series is None:
        return ("warning", printable(report.judged.line)) if report.ended else ("fail", "no patch found")
    found = tuple(failing(report.findings))
    lost = f"; {printable(report.judged.line)}" if report.judged.lost else ""
    if not found:
        number = len(report.states)
        state = "warning" if lost else "success"
        return state, f"{number} patch{'es' if number != 1 else ''}, nothing found{lost}"
    counts = [(level, sum(each.severity == level for each in found)) for level in ("error", "warning")]
    words = ", ".join(f"{count} {level}{'s' if count > 1 else ''}" for level, count in counts if count)
    state = "fail" if counts[0][1] else "warning"
    return state, f"{words}: {', '.join(sorted({each.rule for each in found}))}{lost}"
