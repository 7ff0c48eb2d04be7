"""Added lines hold characters that cannot be seen and can make code read other than it compiles."""

from collections.abc import Iterator

from patchscan.rule import ChangedFile, Context, Finding, Fix, Line, Rule, Silence

# Text for people: a hidden character there deceives nobody's compiler.
PROSE = (".rst", ".txt", ".md")


def check(context: Context) -> Iterator[Finding | Silence]:
    """Every added line, of any kind of file, with such a character."""
    from patchscan.mail import hidden_characters

    for file in context.files:
        for line in file.added:
            plain = line.text.isascii() and line.text.replace("\t", "").isprintable()
            found = () if plain else hidden_characters(line.text)
            if found and line.new is not None:
                columns = [offset + 1 for offset, _ in found]
                names = sorted({name_of(character) for _, character in found})
                grave = not file.path.endswith(PROSE) and any(is_of_unicode(each) for _, each in found)
                yield Finding(
                    file.path,
                    line.new,
                    f"a character that cannot be seen stands at column {', '.join(map(str, columns))} "
                    f"({', '.join(names)}): with it the line can mean something else than it shows; take it out",
                    fix=without(file, line, found),
                    severity="error" if grave else "warning",
                )


def without(file: ChangedFile, line: Line, found: tuple[tuple[int, str], ...]) -> Fix | None:
    """The fix: the line without these characters."""
    hidden = {character for _, character in found}
    place = file.source_line(line.new or 0)
    return file.replacement(place, place, "".join(each for each in line.text if each not in hidden))


def is_of_unicode(character: str) -> bool:
    """Whether a character is none of the control characters of terminals, which an editor shows as escapes."""
    return ord(character) > 0x9F


def name_of(character: str) -> str:
    """ "U+202E right-to-left override"."""
    import unicodedata

    other = "without a name" if is_of_unicode(character) else "control character"
    return f"U+{ord(character):04X} {unicodedata.name(character, other).lower()}"


RULE = Rule(
    name="hidden-characters",
    summary="An added line holds bidirectional, zero-width or other control characters",
    why=(
        "Bidirectional controls make an editor show code in another order than the compiler reads it; characters "
        "of no width make two names look like one; what follows an escape character a terminal obeys, and may hide "
        "or overwrite a line of the diff. A reviewer cannot see any of them, and none has a place in kernel code."
    ),
    source=(
        'CVE-2021-42574 and CVE-2021-42694 ("Trojan Source: Invisible Vulnerabilities", 2021); '
        "ECMA-48 (control functions for coded character sets)"
    ),
    severity="error",
    confidence="high",
    check=check,
    bad=(
        """
 static bool allowed(int user)
 {
+	/*\u202e } \u2066if (user == 0)\u2069 \u2066 only root */ // want "column 4, 8, 23, 25 .*right-to-left override"
 	return true;
 }
""",
        """
+static int first\u200b_user; // want "U.200B zero width space"
""",
        """
+	return 0; /* \x1b[2K\x1b[1A */ // want "column 15, 19 .U.001B control character."
""",
        """
>>> patch docs: explain users
>>> file Documentation/users.rst
+Users\u200b are people. // want "zero width"
""",
    ),
    good=(
        """
+/* Grüße, 你好, שלום: letters of any language can be seen. */
+static int first_user;
""",
        """
-static int first\u200b_user;
+static int first_user;
""",
        """
+static const char *escape = "\\u200b";
+static char line_separator = 0x2028;
""",
    ),
)
