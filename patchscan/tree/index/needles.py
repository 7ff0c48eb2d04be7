"""Which of some words stand in a text, upper and lower case alike; what a word is, an index says, too."""

import re
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any

# The numbers of the words that a text holds.
Finder = Callable[[memoryview], Iterable[int]]
# In a text of small letters; bytes that are not ASCII are letters of some alphabet.
_WORD_BYTES = frozenset((*b"abcdefghijklmnopqrstuvwxyz0123456789_", *range(0x80, 0x100)))
_AS_WORDS = bytes(byte if byte in _WORD_BYTES else 32 for byte in bytes(range(256)).lower())
_NO_LETTER = rb"[^0-9A-Za-z_\x80-\xff]"


def finder_of(words: Sequence[str]) -> Finder:
    """What looks for all of some words in one pass over a text; for one thread at a time, also after a fork."""
    wanted = [word.lower().encode() for word in words]
    return _by_automaton(wanted) or _by_splitting(wanted)


def _by_automaton(words: Sequence[bytes]) -> Finder | None:
    """A Finder that takes about as long for hundreds of words as for one; None where the machine cannot do that."""
    try:
        # Imported here: with an index nobody reads a tree. Not every machine has it.
        import hyperscan
    except ImportError:
        return None
    found: list[int] = []

    def note(number: int, start: int, end: int, flags: int, context: object) -> None:
        found.append(number)

    def find(text: memoryview) -> list[int]:
        found.clear()
        if text.nbytes:
            database.scan(text, match_event_handler=note)
        return found.copy()

    database: Any = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    flags = hyperscan.HS_FLAG_CASELESS | hyperscan.HS_FLAG_SINGLEMATCH
    with suppress(hyperscan.error):
        database.compile(
            expressions=[
                rb"(?:^|%b)%b(?:%b|$)" % (_NO_LETTER, re.escape(word), _NO_LETTER) for word in words
            ],
            ids=range(len(words)),
            flags=[flags] * len(words),
        )
        return find
    return None


def _by_splitting(words: Sequence[bytes]) -> Finder:
    """A Finder that cuts a text into its words."""
    numbers: dict[bytes, list[int]] = {}
    for number, word in enumerate(words):
        numbers.setdefault(word, []).append(number)

    def find(text: memoryview) -> list[int]:
        held = numbers.keys() & bytes(text).translate(_AS_WORDS).split()
        return [number for word in held for number in numbers[word]]

    return find
