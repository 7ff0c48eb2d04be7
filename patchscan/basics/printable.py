"""Text of a mail made harmless for a terminal: control and bidirectional characters become visible escapes."""

from patchscan.basics.pattern import pattern

# Letters and marks that show nothing: the fillers of Hangul, the joiner of graphemes, the blank of Braille, variation
# selectors but for the two that stand behind emoji.
BLANK = pattern(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0d\uffa0\U000e0000-\U000e0fff]"
)


def printable(text: str) -> str:
    """The text with every character that a terminal could obey, or that hides, written as an escape.

    Tabs become spaces; bytes that are not UTF-8 (surrogate escapes) become \\xNN; source: "Trojan Source"
    (CVE-2021-42574) for the bidirectional controls, ECMA-48 for the C0 and C1 sets.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(shown, text))


def shown(character: str) -> str:
    """One character, or its escape."""
    if character == "\t":
        return " "
    import unicodedata

    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp") or BLANK.match(character):
        return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
    return character
