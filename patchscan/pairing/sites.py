"""The barriers whose comment says what they pair with."""

import re
from collections.abc import Iterator
from functools import lru_cache

from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen, replace
from patchscan.pairing.barriers import BARRIER, BARRIER_NAMES, COMMENT, WAIT, Barrier, Text, plain
from patchscan.pairing.clauses import PAIRS, Partner, named_partners

_ORDERING = pattern(r"barrier|\b(?:\w+_)?[rw]?mb\b|acquire|release|_ONCE|smp_|\border", re.I)
_PAIRING = pattern(r"\bpairing\b", re.I)
_STATEMENT_END = pattern(r"[;{}]")
_SUBJECT = pattern(rf"\b({BARRIER_NAMES})\b")
# Other words for "pairs with", each before what it names.
_MATCHES = pattern(
    r"\bmatch(?:es|ing|ed)?\s+(?:(?:with|by|up with)\s+)?(?:the\s+|an?\s+)?(?:implicit\s+)?"
    r"(?=(?:\w+\s+){0,2}barriers?\b|\w*mb\b|smp_|[a-z_]\w+\(\))"
    r"|\b(?:coupled|synchroni[sz]e[sd]?|order(?:ed|s)?)\s+(?:with|against)\s+(?:the\s+)?"
    r"(?=(?:\w+\s+){0,2}barriers?\b|\w+\(\))"
    r"|\b(?:vs\.?|versus|against)\s+(?=\w+\(\))"
    r"|\bsee\s+(?:the\s+)?(?=\w*(?:mb|acquire|release)\(\)\s+in\s+\w+\(\))"
    r"|\b(?:corresponding|counter[ -]?part)\b[\w ]{0,40}?\bis in\s+(?=\w+\(\))",
    re.I,
)
_SPEAKS_OF_BARRIER = pattern(r"(?:full|memory|write|read) barrier|\bsmp_\w?mb\b")
_SPEAKS_OF_ORDER = pattern(r"barrier|current_state")
_SPOKEN_OF = pattern(r"\b([a-z_]\w+)\(\)")
_NEAR, _ABOVE, _STEPS = 8, 2, 3


@frozen
class Site:
    """A barrier with a comment that says what it pairs with; line: of the barrier."""

    path: str
    line: int
    function: str
    barrier: str
    comment: str
    partners: tuple[Partner, ...]
    operand: str = ""

    @property
    def own(self) -> Barrier:
        """The barrier that the comment stands at."""
        return Barrier(self.path, self.line, self.function, self.barrier, self.operand)


def sites(file: Text) -> Iterator[Site]:
    """The barriers of a file whose comment speaks of pairing, in the order of the file."""
    return iter(_sites(file))


def sites_of(file: Text, barrier: Barrier) -> tuple[Site, ...]:
    """Those of one barrier."""
    return _by_barrier(file).get((barrier.line, barrier.name), ())


@lru_cache(maxsize=64)
def _by_barrier(file: Text) -> dict[tuple[int, str], tuple[Site, ...]]:
    found: dict[tuple[int, str], list[Site]] = {}
    for site in _sites(file):
        found.setdefault((site.line, site.barrier), []).append(site)
    return {place: tuple(several) for place, several in found.items()}


def site_at(file: Text, line: int) -> Site | None:
    """The barrier on a line with what its comment says that it pairs with, matches or is ordered against.

    What the comment at one barrier says holds for another of its kind on the same operand in the function as well.
    """
    own = _commented(file, line)
    barrier = next((each for each in file.barriers if each.line == line), None)
    if own is not None or barrier is None or not barrier.operand:
        return own
    for each in file.barriers:
        if each != barrier and (each.name, each.operand, each.function) == (
            barrier.name,
            barrier.operand,
            barrier.function,
        ):
            other = _commented(file, each.line)
            if other is not None:
                return replace(other, line=line)
    return None


def called_beside(file: Text, line: int) -> tuple[str, ...]:
    """The functions that the comment at a line speaks of, written as calls, without what orders or waits."""
    names = dict.fromkeys(_SPOKEN_OF.findall(_beside(file, line)))
    own = file.function_of(line)
    return tuple(name for name in names if name != own and not BARRIER.match(f"{name}("))


def speaking_of(file: Text, function: str) -> tuple[str, ...]:
    """The functions of a file at whose barriers a comment speaks of another function."""
    if f"{function}()" not in file.text:
        return ()
    others = (each for each in file.barriers if not each.is_weak and each.function not in ("", function))
    return tuple(
        dict.fromkeys(each.function for each in others if function in called_beside(file, each.line))
    )


def _commented(file: Text, line: int) -> Site | None:
    for site in sites(file):
        if site.line == line:
            return site
    barrier = next((each for each in file.barriers if each.line == line), None)
    comment = _beside(file, line) if barrier is not None else ""
    if barrier is None or not _MATCHES.search(comment):
        return None
    partners = _in_other_words(comment, barrier.function)
    return Site(file.path, line, barrier.function, barrier.name, comment, partners, barrier.operand)


def matching(file: Text, function: str) -> tuple[Site, ...]:
    """The barriers whose comment says in other words that they pair with a function."""
    found = []
    for comment in COMMENT.finditer(file.text) if f"{function}()" in file.text else ():
        said = plain(comment.group()) if f"{function}()" in comment.group() else ""
        if not _MATCHES.search(said) or _speaks_of_pairing(said):
            continue
        barrier = _attached(file, comment, said)
        partners = _in_other_words(said, barrier.function) if barrier is not None else ()
        if barrier is not None and any(each.function == function for each in partners):
            at = (file.path, barrier.line, barrier.function, barrier.name)
            found.append(Site(*at, said, partners, barrier.operand))
    return tuple(found)


def _in_other_words(said: str, function: str) -> tuple[Partner, ...]:
    return tuple(dict.fromkeys(named_partners(_MATCHES.sub("pairs with ", said), function)))


def _beside(file: Text, line: int) -> str:
    """The comment on a line, or the one right above it."""
    start, end = file.start_of(line), file.start_of(line + 1)
    for comment in COMMENT.finditer(file.text, max(0, start - 4000), end):
        if comment.start() >= start or not file.code[comment.end() : start].strip():
            return plain(comment.group())
    return ""


@lru_cache(maxsize=64)
def _sites(file: Text) -> tuple[Site, ...]:
    found = []
    for comment in COMMENT.finditer(file.text):
        if "air" not in comment.group():
            continue
        said = plain(comment.group())
        if not _speaks_of_pairing(said):
            continue
        barrier = _attached(file, comment, said)
        if barrier is not None:
            partners = tuple(dict.fromkeys(named_partners(said, barrier.function)))
            found.append(
                Site(file.path, barrier.line, barrier.function, barrier.name, said, partners, barrier.operand)
            )
    return tuple(found)


def _speaks_of_pairing(said: str) -> bool:
    return PAIRS.search(said) is not None or (
        _PAIRING.search(said) is not None and _ORDERING.search(said) is not None
    )


def _attached(file: Text, comment: "re.Match[str]", said: str) -> Barrier | None:
    """The barrier that a comment stands at: on its line, in the statements after it, named by it, or before it."""
    start = file.code.rfind("\n", 0, comment.start()) + 1
    before = list(BARRIER.finditer(file.code, start, comment.start()))
    if before:
        return file.barrier_of(before[-1])
    function = file.function_of(file.line_at(comment.end()))
    found = _following(file, comment.end(), said)
    if found is None or found.is_weak:
        found = _subject(file, comment, said) or found
    if found is not None and (found.function != function or _is_of_another(file, comment, found)):
        return None
    if found is None and _ORDERING.search(said):
        found = _waiting(file, comment, said) or _preceding(file, comment.start())
    return found


def _is_of_another(file: Text, comment: "re.Match[str]", barrier: Barrier) -> bool:
    """Whether a comment further down, which speaks of pairing as well, is nearer to the barrier."""
    between = COMMENT.finditer(file.text, comment.end(), file.start_of(barrier.line))
    return any(_speaks_of_pairing(plain(other.group())) for other in between)


def _following(file: Text, end: int, said: str) -> Barrier | None:
    """The barrier in the statement after a comment; what only opens a block is passed by."""
    offset = end
    for _ in range(_STEPS):
        stop = _STATEMENT_END.search(file.code, offset)
        limit = stop.end() if stop else min(len(file.code), end + 400)
        if file.code.count("\n", end, limit) > _NEAR:
            limit = min(limit, end + 400)
        candidates = [file.barrier_of(found) for found in BARRIER.finditer(file.code, offset, limit)]
        if candidates:
            strong = [each for each in candidates if not each.is_weak] or candidates
            return _fence_after(file, limit, strong[0], said)
        if file.code[offset:limit].strip(" \t\n{};") and not file.code[:limit].endswith("{"):
            return None
        offset = limit
    return None


def _fence_after(file: Text, offset: int, barrier: Barrier, said: str) -> Barrier:
    """The fence right after an access without order, where the comment asks for a barrier; else the access."""
    if not barrier.is_weak or not _SPEAKS_OF_BARRIER.search(said):
        return barrier
    following = BARRIER.match(file.code, len(file.code) - len(file.code[offset:].lstrip()))
    fence = file.barrier_of(following) if following else barrier
    return fence if fence.is_fence else barrier


def _subject(file: Text, comment: "re.Match[str]", said: str) -> Barrier | None:
    """The barrier that a comment names before it says that it pairs: further down in the function, or just above."""
    verb = PAIRS.search(said)
    named = _SUBJECT.findall(said[: verb.start()]) if verb else []
    if not named:
        return None
    first, last = file.line_at(comment.start()), file.line_at(comment.end())
    meant = [
        each
        for each in file.barriers
        if each.name in named
        and each.function == file.function_of(last)
        and first - _ABOVE <= each.line <= last + 2 * _NEAR
    ]
    return min(meant, key=lambda each: (each.line < first, each.is_weak, abs(each.line - last)), default=None)


def _waiting(file: Text, comment: "re.Match[str]", said: str) -> Barrier | None:
    """The wait for a condition in the statement after a comment that speaks of the barrier within."""
    stop = _STATEMENT_END.search(file.code, comment.end())
    limit = stop.end() if stop else comment.end()
    found = WAIT.search(file.code, comment.end(), limit)
    return file.barrier_of(found) if found is not None and _SPEAKS_OF_ORDER.search(said) else None


def _preceding(file: Text, start: int) -> Barrier | None:
    """The barrier in the statement that ends on the line before a comment."""
    before = file.code[:start].rstrip()
    if not before.endswith(";") or file.code.count("\n", len(before), start) > 1:
        return None
    begin = max(before.rfind(mark, 0, len(before) - 1) for mark in ";{}")
    found = [file.barrier_of(each) for each in BARRIER.finditer(before, max(begin, 0))]
    return next((each for each in found if not each.is_weak), None)
