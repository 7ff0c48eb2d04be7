"""Counts findings that are alike, so that each has a fingerprint of its own."""

from collections import Counter
from collections.abc import Iterable

from patchscan.basics.record import replace
from patchscan.finding import Finding


def told_apart(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings, each with the number of those before it of the same rule, path and text."""
    seen: Counter[tuple[str, str, str]] = Counter()
    marked = []
    for finding in findings:
        key = (finding.rule, finding.path, "".join(finding.text.split()))
        marked.append(replace(finding, alike=seen[key]) if seen[key] else finding)
        seen[key] += 1
    return tuple(marked)
