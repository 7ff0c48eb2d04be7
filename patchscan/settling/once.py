"""One fault is told by one rule: what another rule says of the same thing is set aside."""

from collections.abc import Iterable

from patchscan.basics.pattern import pattern
from patchscan.basics.record import replace
from patchscan.finding import Finding

_NAME = pattern(r"[A-Za-z_]\w*(?=\(\))|\b\w*_\w+\b")
# (the rule that tells, the rule that adds nothing where both speak of one name): what becomes static loses its export,
# and what loses its export needs no kernel-doc.
_TELLS = (
    ("should-be-static", "unneeded-export"),
    ("should-be-static", "kernel-doc"),
    ("unneeded-export", "kernel-doc"),
)


def told_once(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings, with `suppressed` set on those that another one tells already."""
    every = tuple(findings)
    told: dict[str, list[tuple[int, str, frozenset[str]]]] = {}
    for finding in every:
        if finding.counts and "export" in finding.message:
            told.setdefault(finding.rule, []).append((finding.patch, finding.path, names_in(finding)))
    return tuple(without_echo(finding, told) for finding in every)


def without_echo(finding: Finding, told: dict[str, list[tuple[int, str, frozenset[str]]]]) -> Finding:
    """The finding, set aside where a rule that goes before its own speaks of the same name."""
    if finding.suppressed is not None or "export" not in finding.message:
        return finding
    for first, second in _TELLS:
        if finding.rule == second and any(
            (patch, path) == (finding.patch, finding.path) and names & names_in(finding)
            for patch, path, names in told.get(first, ())
        ):
            return replace(finding, suppressed=f"told by {first}")
    return finding


def names_in(finding: Finding) -> frozenset[str]:
    """The identifiers that a message names."""
    return frozenset(_NAME.findall(finding.message))
