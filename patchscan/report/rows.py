"""Lines of output in pieces with styles, as text with or without colours."""

from collections.abc import Iterator
from textwrap import wrap
from typing import TYPE_CHECKING

from patchscan.basics.printable import printable
from patchscan.basics.record import frozen

if TYPE_CHECKING:
    from rich.text import Text

STYLES = {
    "error": "bold red",
    "warning": "yellow",
    "info": "cyan",
    "title": "bold",
    "quote": "dim",
    "missed": "red",
    "": "",
}
# The style of a line of C, whose words get colours of their own.
CODE = "code"
INDENT = "    "
# Prose wider than this is hard to read; interleavings use what there is.
WIDEST = 110


@frozen
class Row:
    """One line of output in pieces: (text, style) pairs, styles as in STYLES."""

    pieces: tuple[tuple[str, str], ...]


def row(text: str = "", style: str = "") -> Row:
    """A line of one piece."""
    return Row(((text, style),))


def coloured(rows: tuple[Row, ...]) -> str:
    """The rows with ANSI colours; what the mail holds is inert by now (see printable) and no markup to rich."""
    from io import StringIO

    from rich.console import Console
    from rich.text import Text

    out = StringIO()
    console = Console(file=out, force_terminal=True, color_system="standard", soft_wrap=True, highlight=False)
    for each in rows:
        pieces = (
            highlighted(text) if style == CODE else (text, STYLES.get(style, style))
            for text, style in each.pieces
        )
        console.print(Text.assemble(*pieces))
    return out.getvalue()


def highlighted(line: str) -> "Text":
    """A quoted line of C in colours that a light and a dark terminal can show."""
    from pygments import token
    from rich.style import Style
    from rich.syntax import ANSISyntaxTheme, Syntax

    theme = ANSISyntaxTheme(
        {
            token.Keyword: Style(bold=True),
            token.Keyword.Type: Style(color="cyan"),
            token.Comment: Style(dim=True),
            token.String: Style(color="green"),
            token.Number: Style(color="green"),
        }
    )
    code = Syntax("", "c", theme=theme, background_color="default").highlight(line)
    code.rstrip()
    return code


def quotation(path: str) -> str:
    """The style of a quoted line."""
    return CODE if path.endswith((".c", ".h")) else "quote"


def wrapped(text: str, width: int, indent: str, style: str = "") -> Iterator[Row]:
    """Text broken at words, indented; continuation lines two columns deeper when the indent is small."""
    deeper = indent + ("  " if len(indent) < len(INDENT) else "")
    lines = wrap(
        printable(text),
        min(width, WIDEST),
        initial_indent=indent,
        subsequent_indent=deeper,
        break_long_words=False,
        break_on_hyphens=False,
    )
    yield from (row(line, style) for line in lines)
