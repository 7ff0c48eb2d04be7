"""The files of a tree as code bases over it see them: what one of them looked up is known to the others."""

from collections.abc import Callable, Iterable

from patchscan.codebase.conditionals import plain_text
from patchscan.codebase.definition import Definition
from patchscan.codebase.file import File, indexed
from patchscan.kconfig.configured import Config

_GENERIC = "include/asm-generic/"
Found = tuple[Definition | None, Definition | None]
"""A function that no other file may define, and a weak one in front of it."""


class Texts:
    """The files of one tree; read: path to bytes or None, always the same."""

    def __init__(self, read: Callable[[str], bytes | None]) -> None:
        self.read = read
        self._seen: dict[tuple[Config, str], Seen] = {}
        self._included: dict[tuple[str, str], tuple[str, ...]] = {}

    def seen(self, config: Config, arch: str) -> "Seen":
        """The files seen through a configuration."""
        key = (config, arch)
        if key not in self._seen:
            self._seen[key] = Seen(self, config, arch)
        return self._seen[key]

    def included(self, near: str, arch: str) -> tuple[str, ...]:
        """The paths that a file includes, each once; asm/ is the architecture's, else the generic one."""
        key = (near, arch)
        if key not in self._included:
            paths = (self._path(name, near, arch) for name in plain_text(self.read(near) or b"").included)
            self._included[key] = tuple(dict.fromkeys(filter(None, paths)))
        return self._included[key]

    def _path(self, name: str, near: str, arch: str) -> str | None:
        if name.startswith("asm/"):
            candidates = [f"arch/{arch}/include/{name}", _GENERIC + name[4:]]
        else:
            candidates = ["include/" + name, near.rpartition("/")[0] + "/" + name]
        return next((path for path in candidates if self.read(path) is not None), None)


class Seen:
    """The files of a tree seen through one configuration; arch: for <asm/...>."""

    def __init__(self, texts: Texts, config: Config, arch: str) -> None:
        self._texts = texts
        self._config = config
        self._arch = arch
        self._files: dict[str, File | None] = {}
        self._nearest: dict[str, tuple[File, ...]] = {}
        self._found: dict[tuple[str, str], Found] = {}

    def file(self, path: str) -> File | None:
        """The file, indexed; None when the tree does not have it."""
        if path not in self._files:
            text = self._texts.read(path)
            self._files[path] = indexed(path, text, self._config) if text is not None else None
        return self._files[path]

    def nearest(self, near: str) -> tuple[File, ...]:
        """The files in which a name used in `near` is looked up first: itself, and what it includes."""
        if near not in self._nearest:
            paths = dict.fromkeys((near, *self._texts.included(near, self._arch)))
            self._nearest[near] = tuple(filter(None, map(self.file, paths)))
        return self._nearest[near]

    def found(self, name: str, near: str) -> "Found":
        """The function that `name` calls in file `near`, by the nearest files alone."""
        key = (name, near)
        if key not in self._found:
            self._found[key] = self.among(name, near, self.nearest(near))
        return self._found[key]

    def among(self, name: str, near: str, files: Iterable[File]) -> "Found":
        """The function that `name` calls in file `near`, by some files, nearest first."""
        weak: Definition | None = None
        for each in files:
            if not each.has_function(name):
                continue
            if each.path != near and each.path.endswith(".c") and each.is_static(name):
                continue
            definition = self._overriding(each.path, name) or each.function(name)
            if definition is not None and not each.is_weak(name):
                return definition, weak
            weak = weak or definition
        return None, weak

    def _overriding(self, path: str, name: str) -> Definition | None:
        """The architecture's function in place of one of include/asm-generic: a macro of that name says so."""
        if not path.startswith(_GENERIC):
            return None
        own = self.file(f"arch/{self._arch}/include/asm/{path.removeprefix(_GENERIC)}")
        return (
            own.function(name) if own is not None and name in own.defines and own.has_function(name) else None
        )
