"""One fault is told by one rule: what another rule says of the same thing is set aside."""

from collections.abc import Iterable, Sequence

from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen, replace
from patchscan.basics.usage import LEVELS
from patchscan.finding import Finding

_NAME = pattern(r"[A-Za-z_]\w*(?=\(\))|\b(?!CONFIG_)\w*_\w+\b")


@frozen
class Pair:
    """A rule that tells, and one that adds nothing where both speak of one name in one file; word: in both messages."""

    tells: str
    adds: str
    word: str


# What becomes static loses its export, and what loses its export needs no kernel-doc; a table that a macro hides for
# no reason is of use once the macro is gone. What a call returns that nobody tests is told where it is used.
_PAIRS = (
    Pair("should-be-static", "unneeded-export", "export"),
    Pair("should-be-static", "kernel-doc", "export"),
    Pair("unneeded-export", "kernel-doc", "export"),
    Pair("of-match-ptr-of-table", "unused-without-option", " is defined "),
    Pair("unchecked-result", "dropped-check", "()"),
    Pair("null-dereference", "dropped-check", "()"),
    Pair("held-at-exit", "dropped-cleanup", "()"),
)


def told_once(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings, with `suppressed` set on those that another one tells already."""
    every = tuple(findings)
    telling = {pair.tells for pair in _PAIRS}
    told = [each for each in every if each.counts and each.rule in telling]
    return tuple(without_echo(finding, told) for finding in every)


def without_echo(finding: Finding, told: Sequence[Finding]) -> Finding:
    """The finding, set aside where a rule that goes before its own speaks of the same name, as gravely."""
    if finding.suppressed is not None:
        return finding
    for pair in _PAIRS:
        if finding.rule == pair.adds and any(tells(pair, each, finding) for each in told):
            return replace(finding, suppressed=f"told by {pair.tells}")
    return finding


def tells(pair: Pair, first: Finding, second: Finding) -> bool:
    """Whether the first finding makes the second one needless."""
    return (
        first.rule == pair.tells
        and first.patch == second.patch
        and first.path == second.path
        and pair.word in first.message
        and pair.word in second.message
        and LEVELS.index(first.severity or "info") >= LEVELS.index(second.severity or "info")
        and bool(names_in(first) & names_in(second))
    )


def names_in(finding: Finding) -> frozenset[str]:
    """The identifiers that a message names."""
    return frozenset(_NAME.findall(finding.message))
