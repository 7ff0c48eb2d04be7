"""The barriers of one C file: where they stand, in which function, on what; and the labels that comments give them.

A barrier is what orders accesses (memory-barriers.txt): a fence, an ordered access, an atomic with a full barrier, or
an access that a dependency hangs on. What orders only by the way (a lock, a wait) is found by its name alone.
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property

from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen
from patchscan.c.lexical import blank

BARRIER_NAMES = (
    r"smp_mb__\w+|smp_mb|smp_rmb|smp_wmb|mb|rmb|wmb|virt_\w?mb|dma_\w?mb|smp_store_release|smp_load_acquire"
    r"|smp_store_mb|smp_cond_load_acquire|atomic_cond_read_acquire|smp_acquire__after_ctrl_dep|set_current_state"
    r"|rcu_assign_pointer|rcu_dereference\w*|(?:atomic\w*_)?(?:try_)?cmpxchg\w*|(?:atomic\w*_)?xchg\w*"
    r"|atomic\w*_(?:acquire|release)|atomic\w*_(?:inc|dec|add|sub|fetch)\w*|test_and_\w+_bit\w*|clear_bit_unlock"
    r"|READ_ONCE|WRITE_ONCE|wq_has_sleeper|waitqueue_active|wake_up\w*|refcount_\w+"
)
BARRIER = pattern(rf"\b({BARRIER_NAMES})\s*\(")
WAIT = pattern(r"\b(\w*wait_(?:var_)?event\w*|wait_on_bit\w*|prepare_to_\w*wait\w*|wait_woken)\s*\(")
COMMENT = pattern(r"/\*.*?\*/|//[^\n]*(?:\n[ \t]*//[^\n]*)*", re.S)
ONCE = ("READ_ONCE", "WRITE_ONCE")
_WEAK = pattern(
    r"(?:READ|WRITE)_ONCE$|rcu_dereference|waitqueue_active$|.*_relaxed$|refcount_(?:read|set)$"
    r"|atomic\w*_(?:inc|dec|add|sub|read|set)$"
)
_FENCE = pattern(r"(?:smp_|virt_|dma_)?[rw]?mb(?:__\w+)?$|smp_acquire__after_ctrl_dep$")
_DECORATION = pattern(r"^[ \t]*(?:/\*+|\*/|\*|//)[ \t]?|\*/\s*$", re.M)
_CALL = pattern(r"\b([A-Za-z_]\w*)\s*\(")
_LABEL = pattern(r"LMM\((\w+):([A-Z])\)")
_LETTER = pattern(r"/\*[\s*]*(?:\(([A-Z])\)|([A-Z])(?=:|\s*\*/))|//[ \t]*\(?([A-Z])\)?[ \t]*$", re.M)
_CAST = pattern(r"\([\w\s]+\*+\s*\)")
_INNER_CALL = pattern(r"\b\w+\(([^(),]*)(?:,[^()]*)?\)")
# atomic_add(value, where) and its like: what they work on comes last.
_VALUE_FIRST = pattern(r"atomic\w*_(?:add|sub|or|and|andnot|xor)(?!_unless)(?:_\w+)?$")
_MACRO = pattern(r"^[ \t]*#[ \t]*define[ \t]+([A-Za-z_]\w*)\((?:[^\n]*\\\n)*[^\n]*", re.M)
_INDEX = pattern(r"\[[^\]]*\]")
_NAME = pattern(r"[A-Za-z_]\w*")
_NEWLINE = pattern("\n")
_NOT_CALLS = frozenset(("if", "while", "for", "switch", "return", "sizeof", "likely", "unlikely", "defined"))


@frozen
class Barrier:
    """What orders, in a file; operand: the last name in its first argument, "" without one.

    line 0 and no name: a function that has no barrier of its own.
    """

    path: str
    line: int
    function: str
    name: str
    operand: str = ""

    @property
    def is_weak(self) -> bool:
        """Whether it orders nothing but what depends on it."""
        return _WEAK.match(self.name) is not None

    @property
    def is_fence(self) -> bool:
        """Whether it stands alone, on no location."""
        return _FENCE.match(self.name) is not None


class Text:
    """One C file, prepared for the questions here; code: without comments, of the same length."""

    def __init__(self, path: str, text: str, function_of: Callable[[int], str]) -> None:
        self.path = path
        self.text = text
        self.function_of = function_of
        self.code = COMMENT.sub(lambda found: _blanked(found.group()), text)
        self._starts = [0, *(found.end() for found in _NEWLINE.finditer(text))]

    def line_at(self, offset: int) -> int:
        """The line of an offset, from 1."""
        return bisect_right(self._starts, offset)

    def defines(self, name: str) -> bool:
        """Whether a function or macro of that name is defined here."""
        return any(self.function_of(line) == name for line in range(1, len(self._starts) + 1))

    def start_of(self, line: int) -> int:
        """The offset at which a line begins, the end of the text beyond the last."""
        return self._starts[line - 1] if line <= len(self._starts) else len(self.text)

    @cached_property
    def barriers(self) -> tuple[Barrier, ...]:
        """Every barrier, in order."""
        return tuple(self.barrier_of(found) for found in BARRIER.finditer(self.code))

    def barrier_of(self, call: "re.Match[str]") -> Barrier:
        """A call found in the code, as a barrier; group 1: its name."""
        line = self.line_at(call.start())
        return Barrier(
            self.path,
            line,
            self.function_of(line),
            call.group(1),
            operand_of(self.code, call.end(), call.group(1)),
        )

    def calls(self, name: str, function: str = "") -> Iterator[Barrier]:
        """The calls of one name, in one function or anywhere."""
        for found in re.finditer(rf"\b({re.escape(name)})\s*\(", self.code):
            call = self.barrier_of(found)
            if call.function != name and (not function or call.function == function):
                yield call

    def waits(self) -> Iterator[Barrier]:
        """The calls that wait for a condition, each with the full barrier of set_current_state()."""
        found = (self.barrier_of(call) for call in WAIT.finditer(self.code))
        return (each for each in found if each.function != each.name)

    def called_in(self, function: str) -> tuple[str, ...]:
        """The names that a function or macro calls, in order."""
        lines = [n for n in range(1, len(self._starts) + 1) if self.function_of(n) == function]
        body = self.code[self.start_of(lines[0]) : self.start_of(lines[-1] + 1)] if lines else ""
        names = dict.fromkeys(_CALL.findall(body))
        return tuple(name for name in names if name not in _NOT_CALLS and name != function)

    def around(self, line: int, before: int, after: int, text: str = "") -> str:
        """Some lines around one, of the text or of another form of it that has the same length."""
        return (text or self.text)[self.start_of(max(1, line - before)) : self.start_of(line + after + 1)]

    @cached_property
    def labels(self) -> dict[tuple[str, str], int]:
        """(function, letter) of the labels LMM(function:letter) to the line of their comment."""
        found: dict[tuple[str, str], int] = {}
        for label in _LABEL.finditer(self.text):
            found.setdefault((label.group(1), label.group(2)), self.line_at(label.start()))
        return found

    def at_label(self, function: str, letter: str) -> Barrier | None:
        """The call in the statement that a label stands at; None where the label is missing."""
        line = self.labels.get((function, letter))
        if line is None:
            return None
        before = self.code[: self.start_of(line + 1)].rstrip().rstrip(";{")
        start = max(before.rfind(mark) for mark in ";{}")
        for kind in (BARRIER, WAIT, _CALL):
            for found in kind.finditer(before, start):
                if found.group(1) not in _NOT_CALLS:
                    return self.barrier_of(found)
        return Barrier(self.path, line, function, "")

    def lettered(self, letter: str) -> Iterator[Barrier]:
        """The barriers that a comment marks with a capital letter, as in `smp_mb(); /* B */`."""
        for found in _LETTER.finditer(self.text):
            if letter not in found.groups():
                continue
            line = self.line_at(found.start())
            last = self.line_at(max(self.text.find("*/", found.start()), found.start()))
            near = [each for each in self.barriers if each.line == line]
            near = near or [each for each in self.barriers if last < each.line <= last + 2]
            yield from sorted(near, key=lambda each: (each.is_weak, each.line))[:1]


def _blanked(comment: str) -> str:
    return blank(comment.encode("latin-1")).decode("latin-1")


def prepare(path: str, data: bytes, spans: Sequence[tuple[int, int, str]]) -> Text:
    """A file; spans: (first line, last line, name) of its functions. Its macros are found here."""
    text = data.decode("latin-1")
    starts = [0, *(found.end() for found in _NEWLINE.finditer(text))]
    names = [""] * (len(starts) + 2)
    macros = [
        (bisect_right(starts, found.start()), bisect_right(starts, found.end()), found.group(1))
        for found in _MACRO.finditer(text)
    ]
    for first, last, name in (*macros, *reversed(spans)):
        for line in range(first, min(last, len(starts)) + 1):
            names[line] = name

    def function_of(line: int) -> str:
        return names[line] if 0 < line < len(names) else ""

    return Text(path, text, function_of)


def plain(comment: str) -> str:
    """The words of a comment on one line, without its decoration."""
    return " ".join(_DECORATION.sub("", comment).split())


def operand_of(code: str, start: int, name: str = "") -> str:
    """The last name in what a call works on; start: after its parenthesis, name: of what is called."""
    depth, arguments = 0, [""]
    for letter in code[start : start + 300]:
        depth += (letter in "([") - (letter in ")]")
        if depth < 0 or letter == ";":
            break
        if depth == 0 and letter == ",":
            arguments.append("")
        else:
            arguments[-1] += letter
    argument = _CAST.sub("", arguments[-1 if _VALUE_FIRST.match(name) else 0])
    argument = _INDEX.sub("", argument)
    for _ in range(3):
        argument = _INNER_CALL.sub(r"\1", argument)
    names = _NAME.findall(argument)
    return names[-1] if names else ""


def barriers(file: Text) -> Iterator[Barrier]:
    """Every barrier in a file."""
    return iter(file.barriers)
