"""Sets of names as a shell writes them: many are told apart in a set sooner than a regular expression is compiled."""

from collections.abc import Iterator
from functools import cached_property


class Names:
    """Names, separated by blanks, {a,b} for either, and * at the end of a name for whatever follows."""

    def __init__(self, text: str) -> None:
        self._text = text

    @cached_property
    def _told(self) -> tuple[frozenset[str], tuple[str, ...]]:
        words = [name for word in self._text.split() for name in _expanded(word)]
        exact = frozenset(word for word in words if not word.endswith("*"))
        return exact, tuple(word[:-1] for word in words if word.endswith("*"))

    def __contains__(self, name: str) -> bool:
        exact, starts = self._told
        return name in exact or name.startswith(starts)


def _expanded(word: str) -> Iterator[str]:
    """The names that a word with braces stands for."""
    head, brace, rest = word.partition("{")
    if not brace:
        yield word
        return
    inside, _, tail = rest.partition("}")
    for end in _expanded(tail):
        yield from (head + each + end for each in inside.split(","))
