"""The compiled code of our modules in one file: to find and read two hundred takes a fifteenth of a small scan.

It lies in the __pycache__ of the package and serves as what lies there does: it is written by whoever runs us, and read
only where a source is of the size and time that it was of then. All else is left to Python.
"""

from __future__ import annotations

import marshal
import os
import sys
from importlib.machinery import ModuleSpec, SourceFileLoader

# Not imported from typing, nor collections.abc, for `--version` needs neither.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from types import CodeType, ModuleType

    # Size and time of a source, and where its code lies: offset and length.
    Entry = tuple[int, int, int, int]

_KEPT = "all.code"
# Bytes of the number that says how long the table of entries is.
_HEAD = 8


class KeptCode:
    """The code that is kept for the modules of a package, by the paths of their sources; a finder of modules."""

    def __init__(self, package: str, directory: str) -> None:
        """package: its name; directory: where its __init__.py lies."""
        self.package = package
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
        """What Python's import asks: how to load a module of ours, None where its code is not kept."""
        if not name.startswith(self.package):
            return None
        stem = os.path.join(self.directory, *name.split(".")[1:])
        source = next((each for each in (f"{stem}.py", f"{stem}/__init__.py") if each in self._entries), "")
        if not source or not self._is_as_it_was(source):
            return None
        spec = ModuleSpec(name, _Loader(name, source, self), origin=source)
        spec.has_location = True
        if not source.startswith(f"{stem}."):
            spec.submodule_search_locations = [stem]
        return spec

    def code_of(self, name: str, source: str) -> CodeType | None:
        """The code of a module, from what is kept where that is of its source."""
        if self._is_as_it_was(source):
            return self.code_as_it_was(source)
        return SourceFileLoader(name, source).get_code(name)

    def code_as_it_was(self, source: str) -> CodeType:
        """The code that is kept of a module."""
        self.served.add(source)
        code: CodeType = marshal.loads(self._bytes(source))
        return code

    def keep(self, sources: Iterable[str]) -> None:
        """Keep the code of some modules, too, where we may write."""
        wanted = {each for each in sources if each not in self.served and not self._is_as_it_was(each)}
        if not wanted or sys.dont_write_bytecode or sys.flags.optimize:
            return
        entries: dict[str, Entry] = {}
        codes: list[bytes] = []
        end = 0
        for source in sorted(wanted.union(self._entries)):
            status = _status(source)
            if status is None:
                continue
            if source in wanted:
                code = marshal.dumps(SourceFileLoader(self.package, source).get_code(self.package))
            else:
                status, code = self._entries[source][:2], self._bytes(source)
            entries[source] = (*status, end, len(code))
            codes.append(code)
            end += len(code)
        table = marshal.dumps((self._mark, entries))
        _write(self.path, (len(table).to_bytes(_HEAD, "little"), table, *codes))

    def _bytes(self, source: str) -> bytes:
        *_, offset, length = self._entries[source]
        return os.pread(self._file, length, self._start + offset)

    def _is_as_it_was(self, source: str) -> bool:
        return source in self._entries and _status(source) == self._entries[source][:2]


class _Loader(SourceFileLoader):
    """Loads as Python does, but for where the code comes from."""

    def __init__(self, name: str, source: str, kept: KeptCode) -> None:
        super().__init__(name, source)
        self._kept = kept

    def get_code(self, fullname: str) -> CodeType | None:
        return self._kept.code_as_it_was(os.fspath(self.path))


def _status(source: str) -> tuple[int, int] | None:
    try:
        status = os.stat(source)
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns


def _write(path: str, parts: Iterable[bytes]) -> None:
    draft = f"{path}.{os.getpid()}"
    try:
        with open(draft, "wb") as file:
            file.writelines(parts)
        os.replace(draft, path)
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
    return _used[0].code_of(name, source) if _used else SourceFileLoader(name, source).get_code(name)
