"""One cause, and all that is of form, is told once a series: the first finding names the others, then set aside."""

from collections.abc import Iterable

from patchscan.basics.pattern import pattern
from patchscan.basics.record import replace
from patchscan.finding import ALSO_AT, AND_ALSO, CHANGELOG, TOLD_WITH, Finding

_NAME = pattern(r"[A-Za-z_]\w*(?=\(\))|\b\w*_\w+\b|\bCONFIG_\w+")
_WORD = pattern(r"[A-Za-z_]\w*")
_INSIDE = pattern(r"\([^()]+\)")
_COMMENT = pattern(r"\s*(?:/?\*|//)")
_QUOTED = pattern(r'"[^"]*"')
_FIGURES = pattern(r"\d+")
_ALSO = pattern(r"; also .*$")
# Their messages end in what is elsewhere in the patch, or quote the words that the author chose for one and the same.
_QUOTING = ("changelog-this-patch",)
_NAMED = 4
_SAID = 12
# Infos on the form of text: what a reviewer puts into one sentence that begins with "Nits:".
_FORM = (
    "changelog-this-patch",
    "changelog-unwrapped",
    "file-habits",
    "list-order",
    "spelling",
    "subject-form",
    "trailer-block",
    "trailer-form",
    "whitespace-error",
)


def told_together(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings, those of one cause in the series told with the first; an error, or one with a model, stands alone.

    One cause: the same words, but for names and numbers, of an info or of a changelog. Infos on form are told in one
    remark, each in its own words.
    """
    every = list(findings)
    groups: dict[object, list[int]] = {}
    for at, finding in enumerate(every):
        if finding.counts and folds(finding):
            groups.setdefault(cause(finding), []).append(at)
    for first, *others in groups.values():
        if others:
            place = place_of(every[first])
            every[first] = with_places(every[first], [every[at] for at in others])
            for at in others:
                every[at] = replace(every[at], suppressed=f"{TOLD_WITH}{place}")
    small = [at for at, each in enumerate(every) if each.counts and of_form(each)]
    if len(small) > 1:
        first = small[0]
        place = place_of(every[first])
        every[first] = with_words(every[first], [every[at] for at in small[1:]])
        for at in small[1:]:
            every[at] = replace(every[at], suppressed=f"{TOLD_WITH}{place}")
    return tuple(every)


def of_form(finding: Finding) -> bool:
    """Whether a finding is an info on the form of text."""
    return finding.severity == "info" and finding.rule in _FORM


def folds(finding: Finding) -> bool:
    """Whether a finding may be told with another."""
    if finding.severity == "error" or finding.model:
        return False
    return finding.severity == "info" or (finding.path == CHANGELOG and finding.patch > 0)


def cause(finding: Finding) -> object:
    """What findings of one cause have in common: a message without the names that it takes from the code."""
    words = _FIGURES.sub("", _NAME.sub("_", _INSIDE.sub("()", _ALSO.sub("", finding.message))))
    if finding.path != CHANGELOG and not _COMMENT.match(finding.text):
        there = set(_WORD.findall(finding.text))
        words = _WORD.sub(lambda word: "_" if word[0] in there else word[0], words)
    if finding.rule in _QUOTING:
        words = _QUOTED.sub("", words)
    return finding.rule, finding.severity, finding.path == CHANGELOG, words


def place_of(finding: Finding) -> str:
    """Where a finding stands in the series."""
    if finding.path == CHANGELOG:
        return f"patch {finding.patch}"
    return f"patch {finding.patch}, {finding.path}:{finding.line}"


def with_places(first: Finding, others: list[Finding]) -> Finding:
    """A finding that names the places of the others."""
    if first.path == CHANGELOG:
        named = ", ".join(dict.fromkeys(str(each.patch) for each in others if each.patch != first.patch))
        told = f"; the same in patch {named}" if named else "; the same below"
    else:
        texts = [
            (f"{each.path}:{each.line}" if each.path != first.path else f"line {each.line}")
            + names_of(each, first)
            for each in others[:_NAMED]
        ]
        more = f" and {len(others) - _NAMED} more" if len(others) > _NAMED else ""
        told = f"{ALSO_AT}{', '.join(texts)}{more}"
    return replace(first, message=first.message + told, alone=first.own)


def with_words(first: Finding, others: list[Finding]) -> Finding:
    """A finding that also says what the others say, and where."""
    told = "".join(f"{AND_ALSO}{each.message} ({place_from(each, first)})" for each in others[:_SAID])
    more = f"; and {len(others) - _SAID} more like these" if len(others) > _SAID else ""
    return replace(first, message=first.message + told + more, alone=first.own)


def place_from(finding: Finding, first: Finding) -> str:
    """Where a finding stands, in few words for who reads another one of the series."""
    same = finding.patch == first.patch
    patch = "" if same else f"patch {finding.patch}, " if finding.patch else "cover letter, "
    if same and finding.path == first.path != CHANGELOG:
        return f"line {finding.line}"
    return f"{patch}{finding.path.strip('()')}:{finding.line}"


def names_of(finding: Finding, first: Finding) -> str:
    """The names that only a later one of the findings speaks of."""
    names = sorted(set(_NAME.findall(finding.message)) - set(_NAME.findall(first.message)))
    return f" ({', '.join(names)})" if names else ""
