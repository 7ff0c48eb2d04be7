"""A model's timeline as a picture (SVG): threads as columns, time downwards, what is read and missed as arrows."""

from collections.abc import Iterator, Sequence
from html import escape
from textwrap import wrap

from patchscan.basics.printable import printable
from patchscan.basics.record import frozen
from patchscan.report.models import fold, notes
from patchscan.results import Step

# All lengths are in units of the picture; a character of the font is about 7.3 wide.
COLUMN, GUTTER, MARGIN = 214, 72, 8
CHARACTERS = 27
LINE, PADDING, BETWEEN = 16, 7, 14


@frozen
class Box:
    """A step in its place; lines: its text, place: where it comes from."""

    step: Step
    number: int
    left: int
    top: int
    height: int
    lines: tuple[str, ...]

    @property
    def middle(self) -> int:
        return self.top + self.height // 2


def picture(steps: Sequence[Step]) -> str:
    """The SVG element; "" where there is no step. Its colours are those of the page around it."""
    if not steps:
        return ""
    threads = list(dict.fromkeys(step.thread for step in steps))
    heads = [wrap(printable(thread), CHARACTERS) or [""] for thread in threads]
    top = MARGIN + LINE * max(len(head) for head in heads) + BETWEEN
    boxes = tuple(placed(steps, threads, top))
    height = boxes[-1].top + boxes[-1].height + MARGIN
    width = 2 * MARGIN + len(threads) * COLUMN + (len(threads) - 1) * GUTTER
    told = "; ".join(f"{box.number}. {box.step.thread}: {' '.join(box.lines)}" for box in boxes)
    parts = [
        f'<svg class="timeline" role="img" viewBox="0 0 {width} {height}" width="{width}" height="{height}">',
        f"<title>An interleaving of {len(threads)} threads in {len(steps)} steps</title>",
        f"<desc>{escape(printable(told))}</desc>",
        *columns(heads, top, height),
        *(shape for box in boxes for shape in box_shapes(box)),
        *arrows(boxes),
        "</svg>",
    ]
    return "\n".join(parts)


def placed(steps: Sequence[Step], threads: Sequence[str], top: int) -> Iterator[Box]:
    """Each step below the one before it, in the column of its thread."""
    for number, step in enumerate(steps, 1):
        texts = [f"{number}. {printable(step.text)}"]
        if step.path:
            texts.append(f"{printable(step.path)}:{step.line}")
        texts += [f"({note})" for note in notes(step)]
        lines = tuple(line for text in texts for line in fold(text, CHARACTERS))
        height = LINE * len(lines) + 2 * PADDING
        left = MARGIN + threads.index(step.thread) * (COLUMN + GUTTER)
        yield Box(step, number, left, top, height, lines)
        top += height + BETWEEN


def columns(heads: Sequence[Sequence[str]], top: int, bottom: int) -> Iterator[str]:
    """The name of each thread and the line of its time."""
    for number, head in enumerate(heads):
        middle = MARGIN + number * (COLUMN + GUTTER) + COLUMN // 2
        for at, text in enumerate(head):
            yield f'<text class="thread" x="{middle}" y="{MARGIN + LINE * (at + 1) - 4}">{escape(text)}</text>'
        yield f'<line class="time" x1="{middle}" y1="{top - BETWEEN + 4}" x2="{middle}" y2="{bottom}"/>'


def box_shapes(box: Box) -> Iterator[str]:
    """The frame of a step and its lines."""
    kind = "step missed" if box.step.missed is not None else "step"
    yield f'<rect class="{kind}" x="{box.left}" y="{box.top}" width="{COLUMN}" height="{box.height}" rx="4"/>'
    for at, line in enumerate(box.lines):
        x, y = box.left + PADDING, box.top + PADDING + LINE * (at + 1) - 4
        yield f'<text x="{x}" y="{y}">{escape(line)}</text>'


def arrows(boxes: Sequence[Box]) -> Iterator[str]:
    """From each write to who reads it, and, crossed out, from what is missed to who should have seen it."""
    for box in boxes:
        for kind, number in (("reads", box.step.reads_from), ("missed", box.step.missed)):
            if number is not None and 0 < number <= len(boxes) and number != box.number:
                yield from arrow(kind, boxes[number - 1], box)


def arrow(kind: str, source: Box, target: Box) -> Iterator[str]:
    """A line with its head at the target; a missed one has a cross in its middle."""
    shift = 6 if kind == "missed" else -6
    y1, y2 = source.middle + shift, target.middle + shift
    if source.left == target.left:
        x1 = x2 = source.left + COLUMN
        control = x1 + GUTTER - 8
        path = f"M{x1} {y1} C{control} {y1} {control} {y2} {x2} {y2}"
        inward, middle = -1, (x1 + GUTTER * 5 // 8, (y1 + y2) // 2)
    else:
        forward = source.left < target.left
        x1 = source.left + (COLUMN if forward else 0)
        x2 = target.left + (0 if forward else COLUMN)
        path = f"M{x1} {y1} L{x2} {y2}"
        inward, middle = (1 if forward else -1), ((x1 + x2) // 2, (y1 + y2) // 2)
    yield f'<path class="{kind}" d="{path}"/>'
    yield f'<path class="{kind} head" d="M{x2} {y2} l{-8 * inward} -4 v8 z"/>'
    if kind == "missed":
        x, y = middle
        yield f'<path class="missed cross" d="M{x - 6} {y - 6} l12 12 m0 -12 l-12 12"/>'
