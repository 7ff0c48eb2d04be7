"""Tables for a terminal, drawn by rich, which is loaded for them only: what is piped has a plain form of its own."""

from __future__ import annotations

# Not imported from typing, which takes a tenth of the time that `--help` has.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    Cell = str | tuple[str, str]

# Colours that a light and a dark terminal can show, by the word that stands in a cell.
STYLES = {
    "error": "bold red",
    "warning": "yellow",
    "info": "cyan",
    "unsafe": "red",
    "unknown": "yellow",
    "safe": "green",
}


def drawn(
    heads: Sequence[str],
    rows: Iterable[Sequence[Cell]],
    width: int,
    *,
    title: str = "",
    numbers: Iterable[int] = (),
    whole: Iterable[int] = (),
) -> str:
    """A table of at most `width` columns where words allow, with ANSI colours, each line with its end.

    A cell is text, or a pair of it and a style of rich; one that is a word of STYLES has its colour. numbers: the
    columns that stand to the right; whole: those that are not broken. No text is markup: it is to be printable.
    """
    from io import StringIO

    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    right, unbroken = frozenset(numbers), frozenset(whole)
    made = Table(
        title=Text(title, "bold") if title else None,
        title_justify="left",
        box=box.SIMPLE_HEAD,
        header_style="bold",
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    for at, head in enumerate(heads):
        made.add_column(
            Text(head),
            justify="right" if at in right else "left",
            no_wrap=at in unbroken,
            overflow="fold",
        )
    for row in rows:
        pairs = [cell if isinstance(cell, tuple) else (cell, STYLES.get(cell, "")) for cell in row]
        made.add_row(*(Text(text, style) for text, style in pairs))
    out = StringIO()
    Console(file=out, force_terminal=True, color_system="standard", width=width, highlight=False).print(made)
    lines = [line.rstrip() for line in out.getvalue().splitlines()]
    return "".join(f"{line}\n" for line in lines if line)
