"""Functions of a file that may be the other side of a barrier: they access two of its locations, too."""

from collections.abc import Collection, Iterable, Mapping

from patchscan.basics.keep import kept
from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen
from patchscan.c.source import Function, Source
from patchscan.pairing.barriers import BARRIER, WAIT

_ORDERS = pattern(
    r"\b(?:spin_|raw_spin_|mutex_|rcu_read_|read_seq|write_seq|test_bit|set_bit|clear_bit|atomic)\w*\s*\("
)
# What works on an object that nobody else knows yet, or no more.
OWNED = pattern(
    r"\w*(?:alloc|init|create|probe|setup|destroy|remove|exit|teardown|free|dump)(?:_\w+)?"
    r"|(?:\w+_)?(?:make|new)(?:_\w+)?"
)
MOST = 5
# Memory that code speaks of by the names of helpers: (how its key ends, a word for it, what is part of their names).
# A bit or a variable has no member that holds who waits for it.
_HELPERS = (
    (".queue_of_waiters", "(waits)", "wait_"),
    ("netdev_queue.state", "(stops a queue)", "netif_"),
)
_INNER = frozenset({"head", "next", "first", "refs", "sequence", "done", "lock", "qlen", "queue_of_waiters"})


@frozen
class Candidate:
    """A function that may hold the other side; said: a comment says so."""

    path: str
    function: str
    said: bool = False


def located(source: Source, own: str, first: Collection[str], second: Collection[str]) -> list[Candidate]:
    """The functions of a file that name a location of each side, the likeliest first.

    first, second: the keys of what is accessed before and after the barrier.
    """
    names = [{name_of(key) for key in keys} for keys in (first, second)]
    words = _words(source, own)
    written = {function.name: spoken(function) for function in source.functions()}
    common = _counts(written.values(), names[0] | names[1])
    called = {call.name for each in source.functions() if each.name == own for call in each.calls()}
    found: list[tuple[float, str]] = []
    for function in source.functions():
        name = function.name
        # Who calls it, or is called by it, is the same thread.
        if not name or name == own or name in called:
            continue
        one, two = (words[name] & each for each in names)
        sides = [bool(found) or "*" in each for found, each in zip((one, two), names, strict=True)]
        if (
            not all(sides)
            or len(one | two) + any("*" in each for each in names) < 2
            or not _may_order(function)
            or any(call.name == own for call in function.calls())
        ):
            continue
        weight = sum((1 if word in written[name] else 0.4) / common[word] for word in one | two)
        weight /= 4 if OWNED.fullmatch(name) else 1
        found.append((-weight, name))
    return [Candidate(source.path, name) for _, name in sorted(found)[:MOST]]


def name_of(key: str) -> str:
    """The word by which code speaks of a location: of a list, a queue or a counter the member that holds it."""
    key = key.partition("#")[0]
    for ending, word, _ in _HELPERS:
        if key.endswith(ending):
            return word
    parts = key.removesuffix("[]").split(".")
    return parts[-2] if len(parts) > 2 and parts[-1] in _INNER else parts[-1]


def is_by_helpers(word: str) -> bool:
    """Whether a word stands for memory that code speaks of by the names of helpers."""
    return word.startswith("(")


def spoken(function: Function) -> frozenset[str]:
    """The identifiers of a function, and the words for what it accesses by helpers."""
    words = function.identifiers
    return words | {word for _, word, part in _HELPERS if any(part in each for each in words)}


def _may_order(function: Function) -> bool:
    return any(each.search(function.text) is not None for each in (BARRIER, WAIT, _ORDERS))


@kept
def _words(source: Source, apart: str) -> Mapping[str, frozenset[str]]:
    """The identifiers of each function, with those of the functions of the file that it calls, but one."""
    own = {function.name: spoken(function) for function in source.functions() if function.name}
    return {
        name: words.union(*(own[callee] for callee in words & own.keys() - {name, apart}))
        for name, words in own.items()
    }


def _counts(sets: Iterable[frozenset[str]], words: Collection[str]) -> Mapping[str, int]:
    found = dict.fromkeys(words, 0)
    for each in sets:
        for word in each & found.keys():
            found[word] += 1
    return {word: max(number, 1) for word, number in found.items()}
