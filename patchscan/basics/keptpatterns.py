"""Regular expressions as Python has compiled them, in one file: to compile three hundred takes a sixth of a small scan.

It lies beside the code of our modules (see patchscan.basics.keptcode) and serves as that does. Python has no public way
to take such an expression again; what it made of one is given back to it by the same Python alone, and where anything
is not as expected the expression is compiled. What is written was found equal to what Python compiles.
"""

from __future__ import annotations

import contextlib
import marshal
import os
import re
import sys

# Not imported from typing, nor collections.abc, for `--version` needs neither.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, AnyStr

    # Text and flags of an expression.
    Key = tuple[str | bytes, int]
    # Flags, code, the number of groups, and their names both ways, as Python's engine takes them.
    Made = tuple[int, bytes, int, dict[str, int], tuple[str | None, ...]]

_KEPT = "all.patterns"
# Expressions of sources that are no more stay there until so many are.
_MOST = 4000
# What the engine may refuse an expression of another one with.
_REFUSED = (TypeError, ValueError, RuntimeError, OverflowError, ImportError, AttributeError)


class KeptPatterns:
    """The expressions that are kept beside the modules of a package, and those that were compiled meanwhile."""

    def __init__(self, directory: str) -> None:
        self.path = os.path.join(directory, "__pycache__", _KEPT)
        self.new: dict[Key, re.Pattern[Any]] = {}
        # Another Python is none of which anything is known; its size of a code is part of what is kept.
        self._mark = (sys.version, memoryview(b"").cast("I").itemsize)
        self._read: dict[Key, Made] | None = None

    @property
    def _kept(self) -> dict[Key, Made]:
        """What was kept; read when the first expression is asked for, which `--version` does not."""
        if self._read is None:
            self._read = {}
            with (
                contextlib.suppress(OSError, ValueError, EOFError, TypeError, MemoryError),
                open(self.path, "rb") as file,
            ):
                mark, kept = marshal.loads(file.read())
                if mark == self._mark and isinstance(kept, dict):
                    self._read = kept
        return self._read

    def compiled(self, text: AnyStr, flags: int) -> re.Pattern[AnyStr]:
        """What re.compile() gives."""
        key = (text, int(flags))
        if key in self._kept:
            with contextlib.suppress(*_REFUSED):
                found: re.Pattern[AnyStr] = taken_again(text, self._kept[key])
                return found
        made = self.new[key] = re.compile(text, flags)
        return made

    def keep(self) -> None:
        """Keep what was compiled, too, where Python keeps its own and we may write."""
        if not self.new or sys.dont_write_bytecode or sys.flags.optimize or sys.pycache_prefix:
            return
        if not os.access(os.path.dirname(self.path), os.W_OK):
            return
        kept = self._kept if len(self._kept) + len(self.new) <= _MOST else {}
        made = {key: found for key, one in self.new.items() if (found := parts_of(one, *key)) is not None}
        draft = f"{self.path}.{os.getpid()}"
        with contextlib.suppress(OSError):
            with open(draft, "wb") as file:
                file.write(marshal.dumps((self._mark, {**kept, **made})))
            os.replace(draft, self.path)


def taken_again(text: str | bytes, made: Made) -> Any:
    """An expression by its parts. Raises one of _REFUSED where these are none."""
    flags, code, groups, names, numbers = made
    inside: Any = re
    numbers_of_code = memoryview(code).cast("I").tolist()
    return inside._compiler._sre.compile(text, flags, numbers_of_code, groups, dict(names), numbers)


def parts_of(found: re.Pattern[Any], text: str | bytes, flags: int) -> Made | None:
    """The parts of an expression, None where the one that is made of them is not equal to it."""
    from array import array

    with contextlib.suppress(*_REFUSED):
        inside: Any = re
        parsed = inside._parser.parse(text, flags)
        code = array("I", map(int, inside._compiler._code(parsed, flags))).tobytes()
        names = {name: int(number) for name, number in found.groupindex.items()}
        numbers: list[str | None] = [None] * (found.groups + 1)
        for name, number in names.items():
            numbers[number] = name
        made = int(found.flags), code, found.groups, names, tuple(numbers)
        if taken_again(text, made) == found:
            return made
    return None


_used: list[KeptPatterns] = []


def use_kept_patterns(directory: str) -> None:
    """Take expressions from what is kept beside the modules of a package, from now on."""
    _used[:] = [KeptPatterns(directory)]


def keep_compiled() -> None:
    """Keep all expressions that were compiled."""
    for kept in _used:
        kept.keep()


def compiled(text: AnyStr, flags: int = 0) -> re.Pattern[AnyStr]:
    """What re.compile() gives, for an expression that is known beforehand."""
    return _used[0].compiled(text, flags) if _used else re.compile(text, flags)
