"""What a file includes: each #include line, the header it means in an architecture, and the condition around it."""

import posixpath
from collections.abc import Iterable, Sequence
from functools import lru_cache

from patchscan.basics.formula import Formula, all_of, read_condition
from patchscan.basics.keep import kept
from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen
from patchscan.c.branches import Condition
from patchscan.c.includes import Include, includes
from patchscan.kbuild.assignments import statements
from patchscan.lookup.headers import text_of_header
from patchscan.lookup.noted import Noted
from patchscan.tree import Directory, Tree, safe_path
from patchscan.tree.index.location import may_be_indexed
from patchscan.tree.overlay import View

_FLAG = pattern(r"-I[ \t]*(?:\$[({](srctree|src|objtree|obj)[)}])?(/?(?:\$[({]src[)}])?[\w./-]*)")
_GENERATED = pattern(
    r"(?:generated/|asm/(?:unistd_\w+|mach-types|cpucap|syscall_table\w*|cpucaps|sysreg-defs|asm-offsets)|vmlinux\.h|"
    r"linux/version\.h|config/|.*\.lex\.h|.*-asn1\.h|.*\.asn1\.h)"
)
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
# A macro that is no option, alone or compared with 0.
_MACRO = pattern(r"\?\s*([A-Za-z_]\w*)(?:\s*!=\s*0)?")
_NEVER = Formula("constant", "0")


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


class _Turning:
    """What changes where headers lead: the targets of names on the search path that Makefiles add, and the headers
    that were asked for, with those that lead elsewhere for it or for headers that came or went.
    """

    def __init__(self) -> None:
        self.targets: dict[str, str] = {}
        self.asked: set[str] = set()
        self.turned: set[str] = set()
        self.edges: dict[tuple[str, str, str], Edges] = {}


class _Tree:
    """What is known of one tree: the names in its directories, #include lines, and where they lead."""

    def __init__(self) -> None:
        self.names: dict[str, frozenset[str]] = {}
        self.flags: dict[str, tuple[str, ...]] = {}
        self.includes: dict[str, tuple[Include, ...]] = {}
        self.edges: dict[tuple[str, str, str], Edges] = {}
        self.turning: dict[tuple[tuple[str, ...], frozenset[str]], _Turning] = {}


@kept
def _noted_of(tree: Tree) -> Noted | None:
    """What is kept from one run to the next, of a tree that can be looked at without being read."""
    return Noted(tree, __file__) if type(tree) is Directory else None


@kept
def _of_tree(tree: Tree) -> _Tree:
    """What is known of a tree so far."""
    return _Tree()


class Place:
    """Where headers are looked for: for a file of a view, in an architecture."""

    def __init__(self, view: View, path: str, architecture: str) -> None:
        self.view = view
        self.architecture = architecture
        self.directory = posixpath.dirname(path)
        self.flags = include_flags(view, path)
        self._tree = _of_tree(view.tree) if view.tree is not None else None
        moved = _moved(view)
        self._moved = frozenset(path.rpartition("/")[2] for path in moved)
        self._turning = (
            self._tree.turning.setdefault((self.flags, moved), _Turning()) if self._tree else _Turning()
        )
        self._noted = _noted_of(view.tree) if view.tree is not None else None
        arch = f"arch/{architecture}/include"
        self._common: tuple[str, ...] = (arch, f"{arch}/uapi", "include", "include/uapi")

    def leaves(self, paths: frozenset[str]) -> bool:
        """Whether some common headers lead to what they lead to in the tree where nobody adds to the search path."""
        if not paths.isdisjoint(self.view.changed):
            return False
        if not self.flags and not self._moved:
            return True
        for path in paths - self._turning.asked:
            self._turning.asked.add(path)
            if any(map(self._is_turned, self._names(path))):
                self._turning.turned.add(path)
        return self._turning.turned.isdisjoint(paths)

    def _is_turned(self, name: str) -> bool:
        return name.rpartition("/")[2] in self._moved or bool(self._by_flag(name))

    def edges(self, path: str) -> Edges:
        """The includes of a header."""
        if self._tree is None or path in self.view.changed:
            return self.resolved(path, includes(text_of_header(self.view, path)))
        alike = is_common(path) and self.leaves(frozenset((path,)))
        known = self._tree.edges if alike else self._turning.edges
        key = path, self.architecture, "" if alike else self.directory
        if key not in known:
            known[key] = self._noted_edges(path) if alike else self.resolved(path, self._includes(path))
        return known[key]

    def _noted_edges(self, path: str) -> Edges:
        """Where a header of the tree leads for everybody: as was noted, or as it is found now."""
        noted = self._noted
        if noted is None:
            return self.resolved(path, self._includes(path))
        known = noted.edges(path, self.architecture)
        if known is not None:
            return Edges(tuple(Edge(target, when) for target, when in known), ())
        included = self._includes(path)
        noted.begin()
        found = self.resolved(path, included)
        if not found.missing:
            edges = [(each.path, each.when) for each in found.found]
            noted.keep(path, self.architecture, [each.name for each in included], edges)
        return found

    def _names(self, path: str) -> Iterable[str]:
        """The names of what a header of the tree includes."""
        known = self._noted.names(path, self.architecture) if self._noted is not None else None
        return known if known is not None else (each.name for each in self._includes(path))

    def _includes(self, path: str) -> tuple[Include, ...]:
        if self._tree is None or path in self.view.changed:
            return includes(text_of_header(self.view, path))
        if path not in self._tree.includes:
            if self._noted is not None:
                self._noted.look_at(path, self.architecture)
            self._tree.includes[path] = _includes_of(self.view, path)
        return self._tree.includes[path]

    def resolved(self, path: str, found: Iterable[Include]) -> Edges:
        """Where the #include lines of a file lead."""
        edges: list[Edge] = []
        missing: list[Include] = []
        for include in found:
            when = condition(include.conditions)
            if when == _NEVER:
                continue
            target = self._find(path, include) if include.name else ""
            if target:
                edges.append(Edge(target, when))
            elif not _GENERATED.match(include.name):
                missing.append(include)
        return Edges(tuple(edges), tuple(missing))

    def _find(self, path: str, include: Include) -> str:
        name = include.name
        own = (posixpath.dirname(path),) if include.quoted else ()
        for place in own:
            if self.there(candidate := _joined(place, name)):
                return candidate
        flagged = self._by_flag(name)
        if flagged:
            return flagged
        places = self._common
        if name.startswith("asm/"):
            places = (*places, "include/asm-generic/..", "include/uapi/asm-generic/..")
        for place in places:
            generic = place.endswith("/..")
            candidate = f"{place[:-3]}/{name[4:]}" if generic else _joined(place, name)
            if self.there(candidate):
                return candidate
        if not is_common(path):
            return self._above(name)
        return next((each for each in (_joined(place, name) for place in places) if self._linked(each)), "")

    def _above(self, name: str) -> str:
        """A directory above the file may be on a search path that a Makefile computes."""
        above = self.directory
        while above:
            for candidate in (_joined(above, name), _joined(above, f"include/{name}")):
                if self.there(candidate) or self._linked(candidate):
                    return candidate
            above = posixpath.dirname(above)
        return ""

    def _by_flag(self, name: str) -> str:
        if name not in self._turning.targets:
            candidates = (_joined(place, name) for place in self.flags)
            self._turning.targets[name] = next((each for each in candidates if self.there(each)), "")
        return self._turning.targets[name]

    def there(self, path: str) -> bool:
        """Whether there is such a file, and it is no link."""
        directory, _, name = path.rpartition("/")
        if self._noted is not None:
            self._noted.look(directory)
        if path in self.view.changed:
            return self.view.changed[path] is not None
        if self._tree is None or self.view.tree is None:
            return False
        if directory not in self._tree.names:
            below = self.view.tree.files(directory, deep=False) if safe_path(directory) else ()
            self._tree.names[directory] = frozenset(each.rpartition("/")[2] for each in below)
        return name in self._tree.names[directory]

    def _linked(self, path: str) -> bool:
        """Whether there is such a file though no directory lists it: it is a link, or stands behind one."""
        if self._noted is not None:
            self._noted.unlisted.append(path)
        return path not in self.view.changed and self.view.exists(path)


def is_common(path: str) -> bool:
    """Whether a header is one of those that every file may include, and no header of a driver's own."""
    return path.startswith("include/") or (path.startswith("arch/") and "/include/" in path)


def _joined(place: str, name: str) -> str:
    return (
        posixpath.normpath(f"{place}/{name}")
        if "." in (name[:1], *name.split("/")[:1]) or ".." in name
        else (f"{place}/{name}")
    )


def _includes_of(view: View, path: str) -> tuple[Include, ...]:
    """The #include lines of a header as its tree has it; kept for the next run where an index of the tree is kept."""
    if view.tree is None or not may_be_indexed(view.tree):
        return includes(text_of_header(view, path))
    # Imported here: what keeps facts takes its time.
    from patchscan.facts.infile import facts_in
    from patchscan.facts.of_reaching import KIND, as_includes

    return as_includes(facts_in(view, KIND, path))


@kept
def _moved(view: View) -> frozenset[str]:
    """The headers that a view has and its tree has not, or the other way round."""
    tree = view.tree
    return frozenset(
        path
        for path, content in view.changed.items()
        if not path.endswith(".c") and tree is not None and tree.exists(path) != (content is not None)
    )


def condition(conditions: Iterable[Condition]) -> Formula | None:
    """What stands around a line as one formula, with what is known of every compilation; None: nothing."""
    return _condition(tuple((each.expression, each.negated) for each in conditions))


@lru_cache(maxsize=16384)
def _condition(conditions: Sequence[tuple[str, bool]]) -> Formula | None:
    parts = [simplified(read_condition(expression, negated)) for expression, negated in conditions]
    parts = [part for part in parts if part != Formula("constant", "1")]
    if not parts:
        return None
    return _NEVER if _NEVER in parts else all_of(parts)


def simplified(formula: Formula) -> Formula:
    """A formula with what is known of every compilation put in."""
    if formula.kind == "atom":
        value = _KNOWN.get("".join(formula.text.removeprefix("?").split()))
        macro = _MACRO.fullmatch(formula.text)
        if value is None and macro is not None:
            # include/uapi/linux/libc-compat.h: only a C library turns these off. Others a header may define.
            uapi = macro[1].startswith("__UAPI_DEF_")
            return Formula("constant", "1") if uapi else Formula("atom", f"?{macro[1]} != 0")
        return formula if value is None else Formula("constant", "1" if value else "0")
    if not formula.parts:
        return formula
    parts = tuple(simplified(part) for part in formula.parts)
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
    known = _of_tree(view.tree).flags
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
