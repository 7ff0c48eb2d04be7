"""Expressions as the operations that they do, in the order in which they are done: calls, assignments, dereferences.

A value is told by a key: the text of an expression without white space, casts and outer parentheses. The value of a
call is told by "@" and the offset of the call in the text.
"""

from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen
from patchscan.flow.signs import ANY, NEGATIVE, POSITIVE, ZERO

ERRNO = pattern(r"E[A-Z][A-Z0-9_]+")
_WORD = pattern(r"[A-Za-z_]\w*")
_OCTAL = pattern(r"0[0-7]+")


class TooLarge(Exception):
    """The function costs more than it is worth, or is written in a way that is not read."""


@frozen
class Value:
    """signs: what is known at once; copy: the key that it is a copy of, "" for none; through: "minus", "or zero"."""

    signs: int = ANY
    copy: str = ""
    through: str = ""


@frozen
class Called:
    """A call. sure: whether it is made whenever its statement runs; result: where its value goes, "" unless at once."""

    name: str
    arguments: tuple[str, ...]
    line: int
    offset: int
    key: str
    sure: bool = True
    result: str = ""
    pointer: str = ""
    last_line: int = 0


@frozen
class Assigned:
    """key becomes a value; source: the text assigned, without white space; declared: whether here it comes to be."""

    key: str
    value: Value
    line: int
    source: str = ""
    declared: bool = False


@frozen
class Declared:
    """A variable without a value comes to be."""

    key: str
    line: int


@frozen
class Dereferenced:
    """What a key points to is read or written; index: where it is an element, the index's text."""

    key: str
    line: int
    index: str = ""


@frozen
class Addressed:
    """The address of an element is taken: of the array that a key tells, at an index."""

    key: str
    line: int
    index: str


@frozen
class Read:
    """The value of a variable is used."""

    key: str
    line: int


@frozen
class Round:
    """Another round of a loop macro begins; ended: there is none."""

    macro: str
    arguments: tuple[str, ...]
    line: int
    ended: bool = False


@frozen
class Guarded:
    """A guard is entered: its class, the expression that it guards, and a name for it that no other guard has."""

    kind: str
    key: str
    line: int
    place: str


@frozen
class Unguarded:
    """All guards but the outermost `count` end with their scopes."""

    count: int
    line: int


@frozen
class Failed:
    """What an assertion says does not hold."""

    line: int


Operation = (
    Called | Assigned | Declared | Dereferenced | Addressed | Read | Round | Guarded | Unguarded | Failed
)


def words_of(key: str) -> list[str]:
    """The identifiers in a key."""
    return _WORD.findall(key)


def root_of(key: str) -> str:
    """The variable that a key begins with: info of &info->lock."""
    found = _WORD.search(key)
    return found[0] if found else ""


def number(text: str) -> int | None:
    """The value of a C number, None where it is none that is read."""
    try:
        return int(text.rstrip("uUlL") or "x", 0)
    except ValueError:
        stripped = text.rstrip("uUlL")
        return int(stripped, 8) if _OCTAL.fullmatch(stripped) else None


def constant_sign(text: str) -> int:
    """The sign of a constant as it is written (0, NULL, -EINVAL, 5), 0 where it is none.

    Names in capitals tell none: IRQ_NONE is zero.
    """
    if text in ("NULL", "false") or number(text) == 0:
        return ZERO
    if text.startswith("-") and (ERRNO.fullmatch(text[1:]) or number(text[1:])):
        return NEGATIVE
    if text == "true" or number(text):
        return POSITIVE
    return 0
