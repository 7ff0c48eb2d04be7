"""Which headers a C file reaches: on every way, or only where a condition of an #include holds.

The compiler's search path is read from the Makefiles of the file's directory and those above it. What only the build
makes (include/generated and the like) holds no names that a patch could lack, and is left out.
"""

import posixpath
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from functools import cached_property
from weakref import WeakKeyDictionary

from patchscan.basics.formula import Formula, all_of, read_condition
from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen
from patchscan.c.branches import Condition
from patchscan.c.includes import Include, includes
from patchscan.kbuild.assignments import statements
from patchscan.lookup.headers import text_of_header
from patchscan.tree import Tree, safe_path
from patchscan.tree.overlay import View

_FLAG = pattern(r"-I[ \t]*(?:\$[({](srctree|src|objtree|obj)[)}])?(/?(?:\$[({]src[)}])?[\w./-]*)")
_GENERATED = pattern(
    r"(?:generated/|asm/(?:unistd_\w+|mach-types|cpucap|syscall_table\w*|cpucaps|sysreg-defs|asm-offsets)|vmlinux\.h|"
    r"linux/version\.h|config/|.*\.lex\.h|.*-asn1\.h|.*\.asn1\.h)"
)
_HOST = pattern(r"(?:stdio|stdlib|unistd|errno|string|stdint|sys/\w+|bpf/\w+)\.h")
# What every compilation of the kernel defines, and what none does.
_KNOWN = {
    "defined(__KERNEL__)": True,
    "defined(__ASSEMBLY__)": False,
    "defined(__ASSEMBLER__)": False,
    "defined(__cplusplus)": False,
    "defined(__GENKSYMS__)": False,
    "defined(__CHECKER__)": False,
    "defined(__OPTIMIZE__)": True,
}
_MOST = 4000
# What the top Makefile includes before the first line of every C file.
_FORCED = tuple(
    Include(f"linux/{name}.h", False, 0, ()) for name in ("compiler-version", "kconfig", "compiler_types")
)


@frozen
class Edge:
    """One file includes another: the path of the other, and the condition around the line (None: always)."""

    path: str
    when: Formula | None


@frozen
class Edges:
    """The includes of a file that were found, and the names of those that were not."""

    found: tuple[Edge, ...]
    missing: tuple[Include, ...]


_EDGES: WeakKeyDictionary[Tree, dict[tuple[str, str, tuple[str, ...]], Edges]] = WeakKeyDictionary()
_FLAGS: WeakKeyDictionary[Tree, dict[str, tuple[str, ...]]] = WeakKeyDictionary()
_THERE: WeakKeyDictionary[Tree, dict[str, bool]] = WeakKeyDictionary()


class Closure:
    """What a file reaches in an architecture, followed as far as is asked; text: the file as it is compiled."""

    def __init__(
        self, view: View, path: str, text: bytes, architecture: str, more: Sequence[Include] = ()
    ) -> None:
        self.view = view
        self.path = path
        self.architecture = architecture
        self.flags = include_flags(view, path)
        forced = [each for each in _FORCED if self._there(f"include/{each.name}")]
        self.first = self._resolve(path, (*forced, *includes(text), *more))
        self._certain: dict[str, None] = {}
        self._waiting = deque(self._always(self.first))
        self._under: dict[Hashable, dict[str, None]] = {}
        self._every: dict[str, None] | None = None

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

    def certain(self) -> Iterator[str]:
        """The headers reached whatever the configuration, nearest first; read as they are asked for."""
        yield from tuple(self._certain)
        while self._waiting:
            path = self._waiting.popleft()
            if path in self._certain or len(self._certain) > _MOST:
                continue
            self._certain[path] = None
            self._waiting.extend(self._always(self.edges(path)))
            yield path

    @staticmethod
    def _always(edges: Edges) -> Iterator[str]:
        return (edge.path for edge in edges.found if edge.when is None)

    def every(self) -> dict[str, None]:
        """The headers reached where every condition holds."""
        if self._every is None:
            self._every = self.under(lambda _: True)
        return self._every

    def under(self, holds: Callable[[Formula], bool], key: Hashable = None) -> dict[str, None]:
        """The headers reached where a condition counts as `holds` says; what has the same key is asked once."""
        if key is not None and key in self._under:
            return self._under[key]
        found: dict[str, None] = {}
        waiting = deque(edge.path for edge in self.first.found if edge.when is None or holds(edge.when))
        while waiting and len(found) < _MOST:
            path = waiting.popleft()
            if path not in found:
                found[path] = None
                waiting.extend(
                    edge.path for edge in self.edges(path).found if edge.when is None or holds(edge.when)
                )
        if key is not None:
            self._under[key] = found
        return found

    def beside(self) -> tuple[str, ...]:
        """The headers reached that are not the kernel's common ones: those of the file's own directories."""
        found: dict[str, None] = {}
        waiting = deque(edge.path for edge in self.first.found)
        while waiting and len(found) < _MOST:
            path = waiting.popleft()
            if path not in found and not path.startswith("include/") and "/include/asm/" not in path:
                found[path] = None
                waiting.extend(edge.path for edge in self.edges(path).found)
        return tuple(found)

    def edges(self, path: str) -> Edges:
        """The includes of a header."""
        tree = self.view.tree
        if tree is None or path in self.view.changed:
            return self._resolve(path, includes(text_of_header(self.view, path)))
        known = _EDGES.setdefault(tree, {})
        key = path, self.architecture, self.flags
        if key not in known:
            known[key] = self._resolve(path, includes(text_of_header(self.view, path)))
        return known[key]

    def _resolve(self, path: str, found: Sequence[Include]) -> Edges:
        edges: list[Edge] = []
        missing: list[Include] = []
        for include in found:
            when = condition(include.conditions)
            if when == Formula("constant", "0"):
                continue
            target = self._find(path, include)
            if target:
                edges.append(Edge(target, when))
            elif not _GENERATED.match(include.name):
                missing.append(include)
        return Edges(tuple(edges), tuple(missing))

    def _find(self, path: str, include: Include) -> str:
        name = include.name
        if not name:
            return ""
        places = [posixpath.dirname(path)] if include.quoted else []
        arch = f"arch/{self.architecture}/include"
        places += [*self.flags, arch, f"{arch}/uapi", "include", "include/uapi"]
        for place in places:
            candidate = posixpath.normpath(posixpath.join(place, name))
            if self._there(candidate):
                return candidate
        if name.startswith("asm/"):
            for place in ("include/asm-generic", "include/uapi/asm-generic"):
                if self._there(f"{place}/{name[4:]}"):
                    return f"{place}/{name[4:]}"
        # A directory above may be on a search path that a Makefile computes.
        above = posixpath.dirname(self.path)
        while above:
            for candidate in (f"{above}/{name}", f"{above}/include/{name}"):
                if self._there(candidate):
                    return candidate
            above = posixpath.dirname(above)
        return ""

    def _there(self, path: str) -> bool:
        if path in self.view.changed or self.view.tree is None:
            return self.view.exists(path)
        known = _THERE.setdefault(self.view.tree, {})
        if path not in known:
            known[path] = self.view.exists(path)
        return known[path]


def condition(conditions: Iterable[Condition]) -> Formula | None:
    """What stands around a line as one formula, with what is known of every compilation; None: nothing."""
    parts = [_simplified(read_condition(each.expression, each.negated)) for each in conditions]
    parts = [part for part in parts if part != Formula("constant", "1")]
    if not parts:
        return None
    return Formula("constant", "0") if Formula("constant", "0") in parts else all_of(parts)


def _simplified(formula: Formula) -> Formula:
    if formula.kind == "atom":
        value = _KNOWN.get("".join(formula.text.removeprefix("?").split()))
        return formula if value is None else Formula("constant", "1" if value else "0")
    if not formula.parts:
        return formula
    parts = tuple(_simplified(part) for part in formula.parts)
    values = [part.text for part in parts if part.kind == "constant"]
    if formula.kind == "not":
        return Formula("constant", "0" if values == ["1"] else "1") if values else Formula("not", parts=parts)
    decides = "0" if formula.kind == "and" else "1"
    if decides in values:
        return Formula("constant", decides)
    left = tuple(part for part in parts if part.kind != "constant")
    if not left:
        return Formula("constant", "1" if decides == "0" else "0")
    return left[0] if len(left) == 1 else Formula(formula.kind, parts=left)


def include_flags(view: View, path: str) -> tuple[str, ...]:
    """The directories that -I names in the Makefiles of a file's directory and of those above it."""
    directory = posixpath.dirname(path)
    if view.tree is None:
        return _flags(view, directory)
    known = _FLAGS.setdefault(view.tree, {})
    if directory not in known:
        known[directory] = _flags(view, directory)
    return known[directory]


def _flags(view: View, directory: str) -> tuple[str, ...]:
    found: dict[str, None] = {}
    above = directory
    while above:
        for name in ("Makefile", "Kbuild"):
            text = (view.read(f"{above}/{name}") or b"").decode("utf-8", "replace")
            for variable, rest in (flag for each in statements(text) for flag in _FLAG.findall(each.text)):
                base = "" if variable in ("srctree", "objtree") or not variable else above
                named = rest.replace("$(src)", above).lstrip("/")
                place = safe_path(posixpath.normpath(posixpath.join(base, named) or "."))
                if place:
                    found[place] = None
        above = posixpath.dirname(above)
    return tuple(found)


def is_host_program(text: bytes) -> bool:
    """Whether a C file is compiled for the machine that builds, or for BPF: it includes the C library's headers."""
    return any(_HOST.fullmatch(each.name) and not each.conditions for each in includes(text))
