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
# For 5 to 60 words hyperscan chooses a way that takes up to twice as long as its way for more.
_FEW, _MANY = 4, 128
# So many texts are read sooner than an automaton is made.
_HANDFUL = 200


def finder_of(words: Sequence[str], texts: int) -> Finder:
    """What looks for all of some words in so many texts, one after the other; for one thread, after a fork too.

    What is no word stands in no text, as in an index.
    """
    wanted = [word.lower().encode() for word in words]
    many = texts > _HANDFUL and all(word and _WORD_BYTES.issuperset(word) for word in wanted)
    return (_by_automaton(wanted) if many else None) or _by_splitting(wanted)


def _by_automaton(words: Sequence[bytes]) -> Finder | None:
    """A Finder that takes about as long for hundreds of words as for one; None where the machine cannot do that."""
    try:
        # Imported here: with an index nobody reads a tree. Not every machine has it.
        import hyperscan
    except ImportError:
        return None
    found: list[int] = []

    def note(number: int, start: int, end: int, flags: int, context: object) -> None:
        if number < len(words):
            found.append(number)

    def find(text: memoryview) -> list[int]:
        found.clear()
        if text.nbytes:
            database.scan(text, match_event_handler=note)
        return found.copy()

    database: Any = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    flags = hyperscan.HS_FLAG_CASELESS | hyperscan.HS_FLAG_SINGLEMATCH
    looked_for = [rb"(?:^|%b)%b(?:%b|$)" % (_NO_LETTER, re.escape(word), _NO_LETTER) for word in words]
    if len(words) > _FEW:
        looked_for += [rb"\x00\x01%03d\x02\x03" % number for number in range(len(words), _MANY)]
    with suppress(hyperscan.error):
        database.compile(expressions=looked_for, ids=range(len(looked_for)), flags=[flags] * len(looked_for))
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
