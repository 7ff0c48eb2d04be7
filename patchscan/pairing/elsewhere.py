"""Functions of other files that may be the other side of a barrier: who accesses both of its locations there, as the
facts of the tree tell."""

import re
from collections.abc import Iterator, Sequence

from patchscan.basics.pattern import pattern
from patchscan.c.source import parse
from patchscan.facts.infile import facts_in
from patchscan.facts.of_accesses import KIND as ACCESSES
from patchscan.facts.of_accesses import AccessFact
from patchscan.lookup.uses import files_holding
from patchscan.pairing.candidates import OWNED, Candidate, is_by_helpers, name_of, spoken
from patchscan.pairing.fitness import nearest
from patchscan.pairing.steps import key
from patchscan.pairing.unordered import Unordered
from patchscan.tree.overlay import View

_MOST_HELD, _MOST_FILES, _MOST_BYTES, _MOST, _MOST_PAIRS = 120, 6, 600_000, 3, 4
_MEMBER = pattern(r"\w+")
_ORDERS = pattern(
    rb"\b(?:smp_\w+|[rw]?mb|READ_ONCE|rcu_dereference\w*|atomic\w*|xchg|cmpxchg|test_and_\w+|set_current_state"
    rb"|\w*wait_event\w*|prepare_to_wait\w*|wq_has_sleeper|rcu_assign_pointer)\s*\("
)


def elsewhere(view: View, own: str, lost: Sequence[Unordered]) -> list[Candidate]:
    """The functions of other files that access two locations which a barrier of a file kept in order, the nearest files
    first.

    Only what is accessed right next to the barrier counts; memory that only the own file knows is nobody else's.
    """
    pairs = dict.fromkeys((str(key(each.accesses[0])), str(key(each.accesses[1]))) for each in nearest(lost))
    content = view.read(own) or b""
    found: dict[tuple[str, str], Candidate] = {}
    known = [
        pair
        for pair in pairs
        if name_of(pair[0]) != name_of(pair[1]) and all(_is_common(where, content) for where in pair)
    ]
    # A queue that is stopped or has waiters is what many barriers are about.
    known.sort(key=lambda pair: not any(is_by_helpers(name_of(where)) for where in pair))
    for one, two in known[:_MOST_PAIRS]:
        for path in _files(view, own, name_of(one), name_of(two)):
            for function in _functions(view, path, one, two):
                found.setdefault((path, function), Candidate(path, function))
    ranked = sorted(found, key=lambda place: (_distance(own, place[0]), bool(OWNED.fullmatch(place[1]))))
    return [found[place] for place in ranked[:_MOST]]


def _is_common(where: str, content: bytes) -> bool:
    """Whether another file can know a location: a member of a structure that is not the file's own, or a variable."""
    root, _, field = where.partition("#")[0].partition(".")
    if field in ("*", "queue_of_waiters", "") and "." in where:
        return False
    own = rb"^struct\s+%s\s*\{" if field else rb"^static\b[^;={]*\b%s\b\s*[;=\[]"
    return re.search(own % re.escape(root.encode("utf-8", "replace")), content, re.M) is None


def _files(view: View, own: str, one: str, two: str) -> list[str]:
    """The few files next to a file that hold both words, and something that orders; helpers have names of any kind."""
    chosen, size = list[str](), 0
    words = [word for word in (one, two) if not is_by_helpers(word)]
    for path in files_near(view, own, words)[:_MOST_FILES] if words else ():
        content = view.read(path) or b""
        size += len(content)
        if size > _MOST_BYTES:
            break
        if _ORDERS.search(content):
            chosen.append(path)
    return chosen


def files_near(view: View, own: str, words: Sequence[str]) -> list[str]:
    """The C files but one that hold all of some identifiers, the nearest first; none for words that are everywhere."""
    held = []
    for word in words:
        paths, _ = files_holding(view, word, (own,), _MOST_HELD)
        held.append({path for path in paths if path.endswith((".c", ".h"))})
    return sorted(set.intersection(*held) - {own}, key=lambda path: (_distance(own, path), path))


def _distance(own: str, other: str) -> int:
    """How many steps lie between two directories; a header is near all."""
    if other.startswith("include/"):
        return 1
    here, there = own.split("/")[:-1], other.split("/")[:-1]
    shared = next(
        (n for n, (a, b) in enumerate(zip(here, there, strict=False)) if a != b), min(len(here), len(there))
    )
    return len(here) + len(there) - 2 * shared


def _functions(view: View, path: str, one: str, two: str) -> Iterator[str]:
    """The functions of a file that access both locations, by the structure where a declaration tells it."""
    seen: dict[str, set[str]] = {}
    for fact in facts_in(view, ACCESSES, path):
        for where in (one, two):
            if fact.function and _is_at(fact, where):
                seen.setdefault(fact.function, set()).add(where)
    # A variable is no member of anything: its name in the file is all there is to go by.
    variables = {where for where in (one, two) if "." not in where}
    helped = {where for where in (one, two) if is_by_helpers(name_of(where))}
    words = _words_of(view, path) if helped else {}
    for name, places in seen.items():
        calls = {where for where in helped if name_of(where) in words.get(name, ())}
        if len(places | variables | calls) == 2 and places:
            yield name


def _words_of(view: View, path: str) -> dict[str, frozenset[str]]:
    """The identifiers of each function of a file, and the words for what it accesses by helpers."""
    source = parse(view.read(path) or b"", path)
    return {function.name: spoken(function) for function in source.functions() if function.name}


def _is_at(fact: AccessFact, where: str) -> bool:
    root, _, _ = where.partition(".")
    members = _MEMBER.findall(fact.chain)
    if name_of(where) not in members or "." not in where:
        return False
    return not fact.type or fact.type == root or members[0] != name_of(where)
