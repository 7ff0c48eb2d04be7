"""Findings for people to read: what one rule says of several places in one patch is told once, with all of them."""

from collections.abc import Iterable, Iterator

from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen
from patchscan.finding import CHANGELOG, Finding

_NAME = pattern(r"[A-Za-z_]\w*(?=\(\))|\b\w*_\w+\b|\bCONFIG_\w+")
_NUMBER = pattern(r"\d+")


@frozen
class Fold:
    """A finding and the others that say the same of other places of its patch."""

    finding: Finding
    others: tuple[Finding, ...] = ()


def folded(findings: Iterable[Finding]) -> tuple[Fold, ...]:
    """The findings with those of one cause put together, in the order of the first of each.

    One cause: one rule, in the same words but for the names of what it speaks of. An error stands alone.
    """
    groups: dict[object, list[Finding]] = {}
    for finding in findings:
        groups.setdefault(_cause(finding), []).append(finding)
    return tuple(Fold(several[0], tuple(several[1:])) for several in groups.values())


def _cause(finding: Finding) -> object:
    if finding.severity == "error" or finding.model or finding.path == CHANGELOG:
        return id(finding)
    words = words_of(finding.message)
    return finding.patch, finding.rule, finding.severity, words, finding.preexisting, finding.repaired_by


def words_of(message: str) -> str:
    """What a message says but for the names and numbers of what it speaks of."""
    return _NUMBER.sub("0", _NAME.sub("_", message))


def places(fold: Fold) -> Iterator[str]:
    """Where else: `path:line, line (name), ...`, one text a file."""
    by_path: dict[str, list[str]] = {}
    for each in fold.others:
        names = names_in(each.message) - names_in(fold.finding.message)
        named = f" ({', '.join(sorted(names))})" if names else ""
        by_path.setdefault(each.path, []).append(f"{each.line}{named}")
    yield from (f"{path}:{', '.join(lines)}" for path, lines in by_path.items())


def names_in(message: str) -> set[str]:
    """The names of the code that a message speaks of."""
    return set(_NAME.findall(message))
