"""Text of a mail made harmless for a terminal: control and bidirectional characters become visible escapes."""


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
    if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp"):
        return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
    return character
