"""Which headers a C file reaches: on every way, or only where a condition of an #include holds.

The compiler's search path is read from the Makefiles of the file's directory and those above it. What only the build
makes (include/generated and the like) holds no names that a patch could lack, and is left out.
"""

from collections import deque
from collections.abc import Callable, Collection, Hashable, Iterator, Sequence
from functools import cached_property

from patchscan.basics.formula import Formula
from patchscan.basics.keep import kept
from patchscan.basics.pattern import pattern
from patchscan.c.includes import Include, includes
from patchscan.lookup.edges import Edges, Place, is_common
from patchscan.tree import Tree
from patchscan.tree.overlay import View

_HOST = pattern(r"(?:stdio|stdlib|unistd|errno|string|stdint|sys/\w+|bpf/\w+)\.h")
# What the top Makefile includes before the first line of every C file.
_FORCED = tuple(
    Include(f"linux/{name}.h", False, 0, ()) for name in ("compiler-version", "kconfig", "compiler_types")
)
# What is reached from a header: (header, architecture, directory where that matters, whether in every configuration).
_Reached = dict[tuple[str, str, str, bool], frozenset[str]]


@kept
def _reached(thing: Tree | View) -> _Reached:
    """What is known of a tree or a view so far."""
    return {}


def _known(view: View) -> _Reached:
    """What holds for the tree holds for a view that changes no header."""
    if view.tree is None or any(not path.endswith(".c") for path in view.changed):
        return _reached(view)
    return _reached(view.tree)


class Closure:
    """What a file reaches in an architecture; text: the file as it is compiled, more: what it may include besides."""

    def __init__(
        self, view: View, path: str, text: bytes, architecture: str, more: Sequence[Include] = ()
    ) -> None:
        self.view = view
        self.path = path
        self.architecture = architecture
        self._place = Place(view, path, architecture)
        # The tree as it is, where no directory of the file's own is looked into.
        self._anywhere = (
            Place(View(view.tree, {}), "", architecture) if view.tree is not None else self._place
        )
        forced = [each for each in _FORCED if self._place.there(f"include/{each.name}")]
        self.first = self._place.resolved(path, (*forced, *includes(text), *more))
        self._under: dict[Hashable, dict[str, None]] = {}
        # The headers of by_distance() so far, and those of them that were not looked into yet.
        self._near: list[str] = []
        self._is_near: set[str] = set()
        self._waiting: deque[str] = deque()
        self._note_near(self.first)

    @cached_property
    def unknown(self) -> str:
        """Why it is not known what the file reaches: an #include that is nowhere, "" where it is.

        One of its own, or of a header that the series changes: that series was made for a tree which has it.
        """
        brought = [
            path for path in sorted(self.view.changed) if path.endswith(".h") and self.edges(path).missing
        ]
        reached = [path for path in brought if path in self.every()]
        for edges in (self.first, *map(self.edges, reached)):
            for include in edges.missing:
                if not include.conditions:
                    return f"{include.name or 'a computed #include'} (line {include.line}) is not in the tree"
        return ""

    @cached_property
    def _certain(self) -> frozenset[str]:
        return frozenset().union(
            *(self._from(each.path, True) for each in self.first.found if each.when is None)
        )

    @cached_property
    def _every(self) -> frozenset[str]:
        return frozenset().union(*(self._from(each.path, False) for each in self.first.found))

    def certain(self) -> frozenset[str]:
        """The headers reached whatever the configuration."""
        return self._certain

    def every(self) -> frozenset[str]:
        """The headers reached where every condition holds."""
        return self._every

    def target(self, include: Include) -> str:
        """The header that an #include line of the file means, "" for none."""
        return next((edge.path for edge in self._place.resolved(self.path, (include,)).found), "")

    def from_header(self, path: str) -> frozenset[str]:
        """The headers that one leads to whatever the configuration, itself included."""
        return self._from(path, True)

    def _from(self, path: str, certain: bool) -> frozenset[str]:
        """What a header reaches, itself included."""
        if is_common(path) and self._anywhere is not self._place:
            found = self._walked(self._anywhere, path, certain)
            if self._place.leaves(found):
                return found
        return self._walked(self._place, path, certain)

    def _walked(self, place: Place, path: str, certain: bool) -> frozenset[str]:
        """What a header reaches from a place; what was found of another on the way is not followed again."""
        known, key = _known(place.view), (path, self.architecture, place.directory, certain)
        if key in known:
            return known[key]
        common = _known(self._anywhere.view)
        found = {path}
        waiting = [path]
        while waiting:
            for edge in place.edges(waiting.pop()).found:
                if edge.path in found or (certain and edge.when is not None):
                    continue
                beyond = known.get((edge.path, self.architecture, place.directory, certain))
                if beyond is None and is_common(edge.path):
                    beyond = common.get((edge.path, self.architecture, "", certain))
                if beyond is not None and place.leaves(beyond):
                    found |= beyond
                else:
                    found.add(edge.path)
                    waiting.append(edge.path)
        known[key] = frozenset(found)
        return known[key]

    def nearest(self, wanted: Collection[str]) -> Iterator[str]:
        """Those of some headers that are reached whatever the configuration, nearest first."""
        left = self._certain.intersection(wanted)
        found: set[str] = set()
        waiting = deque(edge.path for edge in self.first.found if edge.when is None)
        while left - found:
            path = waiting.popleft()
            if path not in found:
                found.add(path)
                waiting.extend(edge.path for edge in self.edges(path).found if edge.when is None)
                if path in left:
                    yield path

    def by_distance(self) -> Iterator[str]:
        """The headers of certain(), nearest first: no more is read than is asked for."""
        place = 0
        while place < len(self._near) or self._waiting:
            if place == len(self._near):
                self._note_near(self.edges(self._waiting.popleft()))
            else:
                yield self._near[place]
                place += 1

    def _note_near(self, edges: Edges) -> None:
        for edge in edges.found:
            if edge.when is None and edge.path not in self._is_near:
                self._is_near.add(edge.path)
                self._near.append(edge.path)
                self._waiting.append(edge.path)

    def under(self, holds: Callable[[Formula], bool], key: Hashable = None) -> dict[str, None]:
        """The headers reached where a condition counts as `holds` says; what has the same key is asked once."""
        if key is not None and key in self._under:
            return self._under[key]
        found: dict[str, None] = {}
        waiting = deque(edge.path for edge in self.first.found if edge.when is None or holds(edge.when))
        while waiting:
            path = waiting.popleft()
            if path not in found:
                found[path] = None
                waiting.extend(
                    edge.path for edge in self.edges(path).found if edge.when is None or holds(edge.when)
                )
        if key is not None:
            self._under[key] = found
        return found

    def reaches(self, wanted: frozenset[str], holds: Callable[[Formula], bool]) -> bool:
        """Whether one of some headers is reached where a condition counts as `holds` says; few conditions are asked."""
        if not wanted.isdisjoint(self._certain):
            return True
        leading = self.leading_to(wanted)
        found: set[str] = set()
        waiting = [self.first]
        while waiting:
            for edge in waiting.pop().found:
                new = edge.path in leading and edge.path not in found
                if new and (edge.when is None or holds(edge.when)):
                    if edge.path in wanted:
                        return True
                    found.add(edge.path)
                    waiting.append(self.edges(edge.path))
        return False

    def leading_to(self, wanted: frozenset[str]) -> frozenset[str]:
        """The headers by way of which some are reached where every condition holds, themselves included."""
        found: set[str] = set()
        waiting = list(wanted)
        while waiting:
            path = waiting.pop()
            if path not in found:
                found.add(path)
                waiting += self._including.get(path, ())
        return frozenset(found)

    @cached_property
    def _including(self) -> dict[str, list[str]]:
        including: dict[str, list[str]] = {}
        for path in self._every:
            for edge in self.edges(path).found:
                including.setdefault(edge.path, []).append(path)
        return including

    def beside(self) -> tuple[str, ...]:
        """The headers reached that are not the kernel's common ones: those of the file's own directories."""
        found: dict[str, None] = {}
        waiting = deque(edge.path for edge in self.first.found)
        while waiting:
            path = waiting.popleft()
            if path not in found and not path.startswith("include/") and "/include/asm/" not in path:
                found[path] = None
                waiting.extend(edge.path for edge in self.edges(path).found)
        return tuple(found)

    def edges(self, path: str) -> Edges:
        """The includes of a header."""
        return self._place.edges(path)


def is_host_program(text: bytes) -> bool:
    """Whether a C file is compiled for the machine that builds, or for BPF: it includes the C library's headers."""
    return any(_HOST.fullmatch(each.name) and not each.conditions for each in includes(text))
