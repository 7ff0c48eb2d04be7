"""The compiled code of our modules in one file: to find and read two hundred takes a fifteenth of a small scan.

It lies in the __pycache__ of the package and serves as what lies there does: it is written by whoever runs us. It is
read only where a source is of the size and the times that it was of then, the one included that nobody can set, and was
not changed just before: Python's own files, which tell seconds of one time, are not asked for what it holds.
"""

from __future__ import annotations

import marshal
import os
import sys
import time
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader

# Not imported from typing, nor collections.abc, for `--version` needs neither.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from types import CodeType, ModuleType

    # Size and times of a source, and where its code lies: offset and length.
    Status = tuple[int, int, int]
    Entry = tuple[int, int, int, int, int]

_KEPT = "all.code"
# Bytes of the number that says how long the table of entries is.
_HEAD = 8
# What changed so shortly before may change again without another time: a second where a file system tells no more.
_RACY_NANOSECONDS = 2_000_000_000


class KeptCode:
    """The code that is kept for the modules of a package, by the paths of their sources; a finder of modules."""

    def __init__(self, package: str, directory: str) -> None:
        """package: its name; directory: where its __init__.py lies."""
        self.package = package
        self.prefix = f"{package}."
        self.directory = directory
        self.path = os.path.join(directory, "__pycache__", _KEPT)
        self.served: set[str] = set()
        self._mark = (sys.version, directory, sys.flags.optimize)
        self._entries: dict[str, Entry] = {}
        self._file, self._start = -1, 0
        try:
            self._file = os.open(self.path, os.O_RDONLY)
            size = int.from_bytes(os.read(self._file, _HEAD), "little")
            mark, entries = marshal.loads(os.read(self._file, size))
        except (OSError, ValueError, EOFError, TypeError, OverflowError, MemoryError):
            return
        # Of another Python, of one without assertions, or moved here: nothing of it is used.
        if mark == self._mark:
            self._entries, self._start = entries, _HEAD + size

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """What Python's import asks: how to load a module of ours, None where there is none."""
        if not f"{name}.".startswith(self.prefix):
            return None
        stem = os.path.join(self.directory, *name.split(".")[1:])
        # As Python does, a package before a module.
        package = f"{stem}/__init__.py"
        source = package if package in self._entries or os.path.lexists(package) else f"{stem}.py"
        if not self._is_as_it_was(source):
            return _as_python_does(name, path, target)
        spec = ModuleSpec(name, _Loader(name, source, self), origin=source)
        spec.has_location = True
        # Else it is worked out where Python would keep it.
        spec.cached = self.path
        if source == package:
            spec.submodule_search_locations = [stem]
        return spec

    def code_of(self, name: str, source: str) -> CodeType | None:
        """The code of a module, from what is kept where that is of its source."""
        if self._is_as_it_was(source):
            return self.code_as_it_was(source)
        return _FromSource(name, source).get_code(name)

    def code_as_it_was(self, source: str) -> CodeType:
        """The code that is kept of a module."""
        self.served.add(source)
        code: CodeType = marshal.loads(self._bytes(source))
        return code

    def keep(self, sources: Iterable[str]) -> None:
        """Keep the code of some modules, too, where Python keeps its own and we may write."""
        wanted = {each for each in sources if each not in self.served and not self._is_as_it_was(each)}
        settled = {each: status for each in wanted if (status := _status(each)) and _is_settled(status)}
        if not settled or sys.dont_write_bytecode or sys.flags.optimize or sys.pycache_prefix:
            return
        if os.access(os.path.dirname(self.path), os.W_OK):
            _write(self.path, self._parts(settled))

    def _parts(self, wanted: Mapping[str, Status]) -> list[bytes]:
        """What the file is to hold: what it held, and the code of further sources, which had a status before."""
        entries: dict[str, Entry] = {}
        codes: list[bytes] = []
        end = 0
        for source in sorted(wanted.keys() | set(filter(self._is_as_it_was, self._entries))):
            try:
                status, code = self._entry_of(source, wanted.get(source))
            except (OSError, SyntaxError, ValueError):
                continue
            entries[source] = (*status, end, len(code))
            codes.append(code)
            end += len(code)
        table = marshal.dumps((self._mark, entries))
        return [len(table).to_bytes(_HEAD, "little"), table, *codes]

    def _entry_of(self, source: str, status: Status | None) -> tuple[Status, bytes]:
        """A status and code: as they are kept, or the code of what the source holds now."""
        if status is None:
            return self._entries[source][:3], self._bytes(source)
        loader = SourceFileLoader(self.package, source)
        return status, marshal.dumps(loader.source_to_code(loader.get_data(source), source))

    def _bytes(self, source: str) -> bytes:
        *_, offset, length = self._entries[source]
        return os.pread(self._file, length, self._start + offset)

    def _is_as_it_was(self, source: str) -> bool:
        return source in self._entries and _status(source) == self._entries[source][:3]


def _as_python_does(name: str, path: Sequence[str] | None, target: ModuleType | None) -> ModuleSpec | None:
    spec = PathFinder.find_spec(name, path, target)
    if spec is not None and type(spec.loader) is SourceFileLoader:
        spec.loader = _FromSource(name, os.fspath(spec.loader.path))
    return spec


class _FromSource(SourceFileLoader):
    """Loads as Python does, and from the source where what Python keeps of it is cut short: a full disk does that."""

    def get_code(self, fullname: str) -> CodeType | None:
        try:
            return super().get_code(fullname)
        except (EOFError, ValueError, TypeError):
            # Imported here: a run that finds its code whole needs neither.
            from contextlib import suppress
            from importlib.util import cache_from_source

            with suppress(OSError, NotImplementedError):
                os.unlink(cache_from_source(os.fspath(self.path)))
            code: CodeType = self.source_to_code(self.get_data(self.path), self.path)
            return code


class _Loader(SourceFileLoader):
    """Loads as Python does, but for where the code comes from."""

    def __init__(self, name: str, source: str, kept: KeptCode) -> None:
        super().__init__(name, source)
        self._kept = kept

    def get_code(self, fullname: str) -> CodeType | None:
        return self._kept.code_as_it_was(os.fspath(self.path))


def _status(source: str) -> Status | None:
    try:
        status = os.stat(source)
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _is_settled(status: Status) -> bool:
    """Whether another change of a source, from now on, must show."""
    return max(status[1:]) < time.time_ns() - _RACY_NANOSECONDS


def _write(path: str, parts: Iterable[bytes]) -> None:
    draft = f"{path}.{os.getpid()}"
    try:
        with open(draft, "wb") as file:
            file.writelines(parts)
        os.replace(draft, path)
    except OSError:
        try:
            os.unlink(draft)
        except OSError:
            return


_used: list[KeptCode] = []


def use_kept(package: str, directory: str) -> None:
    """Have Python look for the modules of a package among what is kept, from now on."""
    _used[:] = [KeptCode(package, directory)]
    sys.meta_path.insert(0, _used[0])


def keep_loaded() -> None:
    """Keep the code of all modules of the package that were loaded."""
    for kept in _used:
        modules = [module for name, module in sys.modules.items() if name.startswith(f"{kept.package}.")]
        files = (getattr(module, "__file__", None) for module in modules)
        kept.keep([file for file in files if file and file.endswith(".py")])


def code_of(name: str, source: str) -> CodeType | None:
    """The code of a module that Python's import does not look for."""
    return _used[0].code_of(name, source) if _used else _FromSource(name, source).get_code(name)
