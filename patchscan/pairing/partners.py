"""Barriers whose comment says what they pair with: from the words of the comment to the statement that is meant.

Memory-barriers.txt, "SMP BARRIER PAIRING": a barrier means nothing without its partner, and the kernel asks for a
comment that names it. What a comment says is taken only from the clause after "pairs with".
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache

from patchscan.basics.pattern import pattern
from patchscan.pairing.barriers import BARRIER, ONCE, WAIT, Barrier, Text, barriers, prepare
from patchscan.pairing.clauses import Partner, named_partners
from patchscan.pairing.sites import Site, sites, sites_of

__all__ = (
    "BARRIER",
    "Barrier",
    "Partner",
    "Site",
    "Text",
    "barriers",
    "index",
    "named_partners",
    "partners_of",
    "prepare",
    "sites",
)

Lookup = Callable[[str, str], Text | None]
_KINDS = {
    "acquire": pattern(r".*(?:acquire|cond_load)"),
    "release": pattern(r".*release|rcu_assign_pointer|clear_bit_unlock"),
    "rmb": pattern(r"(?:\w+_)?rmb$"),
    "wmb": pattern(r"(?:\w+_)?wmb$"),
    "mb": pattern(r"(?:\w+_)?mb(?:__\w+)?$|smp_store_mb$"),
}
_LOADS_ONLY = pattern(r".*(?:rmb|acquire|ctrl_dep|READ_ONCE)$|rcu_dereference|.*cond_load")
_STORES_ONLY = pattern(r".*(?:wmb|release|WRITE_ONCE)$|rcu_assign_pointer|clear_bit_unlock")
# What may be called a read or a write barrier as well.
_ALSO = {"rmb": "acquire", "wmb": "release"}
_ANY = ("barrier", *_KINDS)
_BARRIER_WITHIN = pattern(r"\w_(?:[rw]?mb|barrier)$")
_WAKE = pattern(r"\b(?:s?wake_up\w*|s?waitqueue_active|wq_has_sleeper|rcuwait_wake_up)\s*\(([^;{]*)")
_NAME = pattern(r"[A-Za-z_]\w+")
_DEPTH = 2


def partners_of(site: Site, lookup: Lookup) -> list[Barrier]:
    """The barriers that a site's comment means, in its order; last, with line 0, functions without one.

    lookup: (function or macro name, path that names it) to the file that defines it, None where it is not found;
    an empty name is the file of that path itself.
    """
    search = _Search(site, lookup)
    found = [each for partner in site.partners for each in search.meant(partner)]
    located = [each for each in found if each.line]
    if not located and not any(partner.place == "outside" for partner in site.partners):
        located = search.said_back(search.file)
    return list(dict.fromkeys([*located, *(each for each in found if not each.line)]))


class _Search:
    """The search for the partners of one site."""

    def __init__(self, site: Site, lookup: Lookup) -> None:
        self.site = site
        self.lookup = lookup
        self.file = lookup("", site.path)
        self.words = self._words(self.file, site.line) | set(_NAME.findall(site.comment))

    def meant(self, partner: Partner) -> Sequence[Barrier]:
        """What one name stands for."""
        if not partner.function:
            return self._nearby(partner)
        if WAIT.match(partner.function + "("):
            waits = self._waits(partner.function)
            if waits:
                return waits
        for name in spellings(partner.function):
            text = self.lookup(name, self.site.path)
            if text is not None:
                break
        else:
            return self._abbreviated(partner)
        if partner.label:
            found = text.at_label(partner.function, partner.label)
            return [found] if found is not None else []
        return (
            self._inside(partner, name, text, _DEPTH)
            or self.said_back(text)
            or self._abbreviated(partner)
            or [Barrier(text.path, 0, name, "")]
        )

    def _inside(self, partner: Partner, function: str, text: Text, depth: int) -> list[Barrier]:
        """The likeliest barrier of a function; else that of a function it calls, which does its work."""
        own = [each for each in text.barriers if each.function == function and not self._is_site(each)]
        named = [
            each for name in partner.operations if name not in _ANY for each in text.calls(name, function)
        ]
        found = self._likeliest(partner, [*own, *(each for each in named if each not in own)], text)
        if found is not None or depth == 0:
            return [found] if found is not None else []
        for called in text.called_in(function):
            wrapped = (
                _stem(called) == _stem(function)
                or called.startswith(f"{function}_")
                or _BARRIER_WITHIN.search(called) is not None
            )
            near = text if any(each.function == called for each in text.barriers) else None
            named_so = self.site.operand != "" and self.site.operand in called
            inner = self.lookup(called, text.path) if wrapped or (named_so and near is None) else near
            deeper = self._inside(partner, called, inner, depth - 1) if inner is not None else []
            if deeper and inner is not None and (wrapped or self._belongs(deeper[0], inner)):
                return deeper
        waits = [each for each in text.waits() if each.function == function]
        return waits[:1] if WAIT.match(function + "(") else []

    def _belongs(self, barrier: Barrier, text: Text) -> bool:
        """Whether a barrier has more to do with the site than that its function is called there."""
        wakes = barrier.name.startswith("wake_up") and self.site.barrier == "set_current_state"
        return wakes or self._same_operand(barrier) or self._says_back(barrier, text)

    def _likeliest(self, partner: Partner, candidates: Sequence[Barrier], text: Text) -> Barrier | None:
        """The candidate that fits best; None where none does what the comment says."""
        fitting = [each for each in candidates if _fits(each.name, partner.operations)]
        if not fitting and set(partner.operations) & _ALSO.keys():
            also = tuple(_ALSO.get(operation, operation) for operation in partner.operations)
            fitting = [each for each in candidates if _fits(each.name, also)]
        if not fitting:
            fitting = [each for each in candidates if not each.is_weak and self._can_pair(each)]
            if any(operation != "barrier" for operation in partner.operations):
                fitting = [each for each in fitting if self._says_back(each, text)]
            if self.site.barrier in ONCE or set(partner.operations) & {*ONCE}:
                fitting = [each for each in fitting if self._same_operand(each)]
        if self.site.operand and all(each.name in ONCE for each in fitting):
            fitting = [each for each in fitting if self._same_operand(each)]
        return min(fitting, key=lambda each: self._rank(each, text), default=None)

    def _rank(self, barrier: Barrier, text: Text) -> tuple[bool | int, ...]:
        """Lower is likelier."""
        return (
            not self._says_back(barrier, text),
            not self._says_back(barrier, text, related=True),
            not self._same_operand(barrier),
            barrier.is_weak,
            not self._can_pair(barrier),
            barrier.line not in {other.line for other in sites(text)},
            -len(self.words & self._words(text, barrier.line)),
        )

    def _words(self, text: Text | None, line: int) -> set[str]:
        """The names in the lines around a barrier."""
        return set(_NAME.findall(text.around(line, 16, 6, text.code))) if text is not None else set()

    def _nearby(self, partner: Partner) -> Sequence[Barrier]:
        """What a comment means that names no function: in the same file, on the same location or marked so."""
        file = self.file
        if file is None or partner.place == "outside":
            return []
        if partner.place.endswith((".c", ".h")):
            return self._in_file(partner)
        if len(partner.place) == 1:
            return [each for each in file.lettered(partner.place) if not self._is_site(each)]
        return self._alike(partner, file)

    def _in_file(self, partner: Partner) -> Sequence[Barrier]:
        """What a comment means by the name of a file near by."""
        directory = self.site.path
        for _ in range(3):
            directory = directory.rpartition("/")[0]
            path = f"{directory}/{partner.place}"
            other = self.lookup("", path)
            if other is not None and other.path == path:
                return self._alike(partner, other)
        return []

    def _alike(self, partner: Partner, file: Text) -> Sequence[Barrier]:
        """The barriers of a file that do what is said on the site's location; or the only one that does it."""
        candidates = [
            each
            for each in file.barriers
            if not self._is_site(each) and self._is_placed(each, partner) and each.name != "set_current_state"
        ]
        fitting = [each for each in candidates if _fits(each.name, partner.operations)]
        if partner.argument:
            return [each for each in fitting if partner.argument.lower() in each.operand.lower()]
        same = [each for each in fitting if self._same_operand(each)]
        if not same and partner.place:
            same = [
                each
                for each in candidates
                if self._same_operand(each) and self._can_pair(each) and not each.is_weak
            ]
        if partner.place:
            same = [each for each in same if each.function == self.site.function] or same
        commented = {site.line for site in sites(file)}
        same = [each for each in same if each.line in commented] or same
        if same and (partner.place or not any(each.name in ONCE for each in same)):
            return same
        if self.site.operand and any(each.operand for each in fitting):
            return []
        inside = [each for each in fitting if each.function == self.site.function]
        if partner.place and inside:
            return [min(inside, key=lambda each: abs(each.line - self.site.line))]
        return fitting if len(fitting) == 1 and not fitting[0].is_weak and self._can_pair(fitting[0]) else []

    def _is_placed(self, barrier: Barrier, partner: Partner) -> bool:
        """Whether a barrier stands where the comment points."""
        above = barrier.line < self.site.line or barrier.path != self.site.path
        if partner.place == "here":
            return barrier.function == self.site.function
        return partner.place not in ("above", "below") or above == (partner.place == "above")

    def _waits(self, name: str) -> list[Barrier]:
        """The waits in the same file that a comment means by the name of the function behind them."""
        if self.file is None:
            return []
        after = self.file.around(self.site.line, 1, 6, self.file.code)
        woken = set(_NAME.findall(" ".join(_WAKE.findall(after)))) | {self.site.operand}
        waits = [each for each in self.file.waits() if not self._is_site(each)]
        alike = [each for each in waits if each.name.lstrip("_").startswith(name.lstrip("_"))]
        same = [each for each in alike or waits if each.operand and each.operand in woken]
        return same or (alike if len({each.function for each in alike}) == 1 else [])

    def _abbreviated(self, partner: Partner) -> Sequence[Barrier]:
        """A function of the same file whose name holds what the comment says; or the place that its operation has."""
        file, name = self.file, partner.function.rstrip("*_")
        if file is None or not (partner.called or partner.operations):
            return []
        names = dict.fromkeys(each.function for each in file.barriers if f"_{name}_" in f"_{each.function}_")
        found = [each for function in names for each in self._inside(partner, function, file, 0)]
        same = [each for each in found if self._same_operand(each)]
        if same or len(found) == 1:
            return same or found
        back = self.said_back(file)
        if back or not partner.called or not partner.operations:
            return back
        alike = [
            each
            for each in file.barriers
            if self._same_operand(each)
            and _fits(each.name, partner.operations)
            and not self._is_site(each)
            and each.function != self.site.function
        ]
        return alike if len({each.function for each in alike}) == 1 else []

    def said_back(self, text: Text | None) -> list[Barrier]:
        """The barriers of a file whose comment says that they pair with the site's function."""
        if text is None or not self.site.function:
            return []
        naming = _naming(text).get(_stem(self.site.function), ())
        found = [each for each in naming if not self._is_site(each) and self._says_back(each, text)]
        return [each for each in found if self._same_operand(each)] or found

    def _says_back(self, barrier: Barrier, text: Text, related: bool = False) -> bool:
        """Whether the comment at a barrier names the site's function, and its operation if it names any.

        related: a function whose name begins as the site's does is enough.
        """
        own = _stem(self.site.function)
        return own != "" and any(
            (_stem(partner.function) == own or (related and own.startswith(f"{_stem(partner.function)}_")))
            and _fits(self.site.barrier, partner.operations)
            for other in sites_of(text, barrier)
            for partner in other.partners
            if partner.function and not partner.label
        )

    def _same_operand(self, barrier: Barrier) -> bool:
        return self.site.operand != "" and barrier.operand == self.site.operand

    def _is_site(self, barrier: Barrier) -> bool:
        return (barrier.path, barrier.line, barrier.name) == (
            self.site.path,
            self.site.line,
            self.site.barrier,
        )

    def _can_pair(self, barrier: Barrier) -> bool:
        """Whether the two do not both order loads only, or both stores only."""
        return not any(
            pattern.match(self.site.barrier) and pattern.match(barrier.name)
            for pattern in (_LOADS_ONLY, _STORES_ONLY)
        )


def spellings(name: str) -> Iterator[str]:
    """A name as it is written, and as a function behind it may be called."""
    if name.endswith("*"):
        name = name.rstrip("*_")
    yield from (name, f"__{name}", f"{name}_noprof")


@lru_cache(maxsize=64)
def _naming(text: Text) -> dict[str, tuple[Barrier, ...]]:
    """The barriers of a file at which a comment names a function, by what its name comes down to."""
    found: dict[str, list[Barrier]] = {}
    for each in text.barriers:
        partners = (partner for site in sites_of(text, each) for partner in site.partners)
        for name in dict.fromkeys(_stem(partner.function) for partner in partners):
            found.setdefault(name, []).append(each)
    return {name: tuple(several) for name, several in found.items()}


def _stem(name: str) -> str:
    return name.lstrip("_").removesuffix("_noprof")


def _fits(name: str, operations: Sequence[str]) -> bool:
    """Whether a barrier is one of the operations that a comment names; any is, where it names none."""
    return not operations or any(_is_operation(name, operation) for operation in operations)


def _is_operation(name: str, operation: str) -> bool:
    if operation == "barrier":
        return not Barrier("", 1, "", name).is_weak
    if operation in _KINDS:
        return _KINDS[operation].match(name) is not None
    stem = operation.rstrip("_*")
    if operation.endswith("*"):
        return name.startswith(stem)
    return name == operation or (f"_{stem}_" in f"_{name}_" and not stem.endswith("mb"))


def index(all_sites: Iterable[Site]) -> dict[str, tuple[Site, ...]]:
    """Function to the sites elsewhere whose comment says that they pair with it."""
    found: dict[str, list[Site]] = {}
    for site in all_sites:
        for partner in site.partners:
            if partner.function and partner.function != site.function:
                found.setdefault(partner.function, []).append(site)
    return {name: tuple(dict.fromkeys(found[name])) for name in sorted(found)}
