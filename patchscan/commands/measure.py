"""What a run counts and times: findings by rule, seconds by stage and rule."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from time import perf_counter

from patchscan.basics.record import replace
from patchscan.context import Context
from patchscan.finding import Finding, Silence
from patchscan.results import Report
from patchscan.rule import Rule

COUNTS, NOT_COUNTED = "counts", "set aside"


def count(report: Report) -> Counter[tuple[str, str]]:
    """(rule, whether it counts) -> number of findings."""
    return Counter((each.rule, COUNTS if each.counts else NOT_COUNTED) for each in report.findings)


def table(counted: Counter[tuple[str, str]]) -> str:
    """The counts of one or more reports as text, the most frequent rule first."""
    rules = sorted(
        {rule for rule, _ in counted},
        key=lambda rule: (-counted[rule, COUNTS], -counted[rule, NOT_COUNTED], rule),
    )
    width = max((len(rule) for rule in rules), default=4)
    rows = [f"{'rule':{width}}  findings  set aside"]
    rows += [f"{rule:{width}}  {counted[rule, COUNTS]:8}  {counted[rule, NOT_COUNTED]:9}" for rule in rules]
    return "\n".join(rows) + "\n"


def timed(rules: Sequence[Rule], seconds: dict[str, float]) -> tuple[Rule, ...]:
    """The rules, each adding the seconds it takes to its name.

    What is computed once and kept, such as a parsed file, is paid by the rule that asks first.
    """
    return tuple(replace(rule, check=timed_check(rule, seconds)) for rule in rules)


def timed_check(rule: Rule, seconds: dict[str, float]) -> Callable[[Context], Iterator[Finding | Silence]]:
    """The check of a rule, on the clock."""

    def check(context: Context) -> Iterator[Finding | Silence]:
        remarks = iter(rule.check(context))
        while True:
            start = perf_counter()
            try:
                remark = next(remarks)
            except StopIteration:
                return
            finally:
                seconds[rule.name] = seconds.get(rule.name, 0.0) + perf_counter() - start
            yield remark

    return check
