"""Cost over CPUs as a picture (SVG): both axes logarithmic, a line a scheme, nothing at all on a line of its own."""

import math
from collections.abc import Iterator, Sequence
from html import escape

from patchscan.basics.printable import printable
from patchscan.basics.record import frozen
from patchscan.cost.growth import Growth

_LEFT, _TOP, _WIDTH, _HEIGHT, _BELOW = 64, 34, 520, 330, 52
_ROW, _CHARACTER = 15, 7.2
# Okabe and Ito's colours, which people with colour blindness can tell apart; dashes repeat the distinction.
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#777777")
_DASHES = ("", "7 4", "2 3", "10 3 2 3")


@frozen
class _Scale:
    """From numbers to places in the picture."""

    sizes: tuple[int, int]
    most: float

    def across(self, cpus: float) -> float:
        low, high = (math.log2(size) for size in self.sizes)
        return _LEFT + _WIDTH * (math.log2(cpus) - low) / ((high - low) or 1)

    def up(self, value: float) -> float:
        """Zero stands at the bottom, one a step above it."""
        if value <= 0:
            return _TOP + _HEIGHT
        top = math.log10(self.most) + 1
        return _TOP + _HEIGHT * (1 - max(0.05, (math.log10(value) + 1) / top))


def plot(growth: Sequence[Growth], title: str = "") -> str:
    """The SVG element, with a size of its own, for a file or a page; "" where there is nothing to draw."""
    drawn = [each for each in growth if each.points]
    if not drawn:
        return ""
    sizes = [size for each in drawn for size, _ in each.points]
    most = max(value for each in drawn for _, value in each.points)
    scale = _Scale((min(sizes), max(sizes)), max(10.0, most))
    names = [printable(f"{each.scheme} ({each.order})") for each in drawn]
    width = round(_LEFT + _WIDTH + 24 + _CHARACTER * max(map(len, names)))
    height = _TOP + _HEIGHT + _BELOW
    title = printable(title or f"{drawn[0].what} per update, by number of CPUs")
    told = "; ".join(f"{each.scheme}: {each.order}" for each in drawn)
    parts = [
        f'<svg class="cost" xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" font-family="sans-serif" font-size="12" fill="currentColor">',
        f"<title>{escape(title)}</title>",
        f"<desc>{escape(printable(told))}</desc>",
        f'<text x="{_LEFT}" y="18" font-size="14">{escape(title)}</text>',
        *_axes(scale, sorted(set(sizes))),
        *(line for number, each in enumerate(drawn) for line in _line(each, number, scale)),
        *_names(drawn, names, scale),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _axes(scale: _Scale, sizes: Sequence[int]) -> Iterator[str]:
    """Grid lines at powers of ten and at the sizes, with their numbers."""
    values = [0, *(10**power for power in range(math.floor(math.log10(scale.most)) + 1))]
    for value in values:
        y = scale.up(value)
        yield (
            f'<line x1="{_LEFT}" y1="{y:.1f}" x2="{_LEFT + _WIDTH}" y2="{y:.1f}" '
            'stroke="currentColor" stroke-opacity="0.2"/>'
        )
        yield f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{value}</text>'
    bottom = _TOP + _HEIGHT
    for size in sizes[:: -(-len(sizes) // 14)]:
        x = scale.across(size)
        yield f'<text x="{x:.1f}" y="{bottom + 18}" text-anchor="middle">{size}</text>'
    yield f'<text x="{_LEFT + _WIDTH / 2}" y="{bottom + 40}" text-anchor="middle">CPUs</text>'


def _line(each: Growth, index: int, scale: _Scale) -> Iterator[str]:
    points = " ".join(f"{scale.across(size):.1f},{scale.up(value):.1f}" for size, value in each.points)
    dash = _DASHES[index % len(_DASHES)]
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    yield f'<polyline points="{points}" fill="none" stroke="{_colour(index)}" stroke-width="2"{dashed}/>'


def _names(drawn: Sequence[Growth], names: Sequence[str], scale: _Scale) -> Iterator[str]:
    """The name of each line at its right end, moved apart where ends meet, with a leader to the end."""
    ends = sorted((scale.up(each.points[-1][1]), index) for index, each in enumerate(drawn))
    lowest = _TOP + _HEIGHT - _ROW * (len(ends) - 1)
    y = float(_TOP)
    for number, (end, index) in enumerate(ends):
        y = max(min(end, lowest + _ROW * number), y)
        x = _LEFT + _WIDTH
        yield f'<path d="M{x} {end:.1f} L{x + 14} {y:.1f}" fill="none" stroke="{_colour(index)}"/>'
        yield f'<text x="{x + 18}" y="{y + 4:.1f}">{escape(names[index])}</text>'
        y += _ROW


def _colour(index: int) -> str:
    return _COLOURS[index % len(_COLOURS)]
