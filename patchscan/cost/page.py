"""Costs for a page: what a series changes, each with its picture over the number of CPUs."""

from collections.abc import Iterator, Mapping, Sequence
from html import escape

from patchscan.basics.printable import printable
from patchscan.basics.record import replace
from patchscan.cost.constants import Constant, load_constants
from patchscan.cost.growth import Growth, growth_of
from patchscan.cost.plot import plot
from patchscan.results import CaseCost, CostChange

_PICTURED = ("IPIs sent", "grace periods waited for", "deferred frees")


def cost_section(changes: Sequence[CostChange]) -> str:
    """The part of a page on what the patches of a series change in cost, as HTML; "" for no change.

    All text is escaped; the pictures are SVG elements in the page.
    """
    constants = load_constants() if changes else {}
    parts = [part for change in changes for part in _change(change, constants)]
    return "\n".join(["<h2>Cost</h2>", *parts, ""]) if parts else ""


def _change(change: CostChange, constants: Mapping[str, Constant]) -> Iterator[str]:
    """The sentence, and a picture of each wait that the patch makes cheaper or dearer."""
    yield f"<p>Patch {change.patch}: {escape(printable(change.text))}.</p>"
    for what in _PICTURED:
        if change.before.update.get(what, 0) != change.after.update.get(what, 0):
            sides = ((change.before, "before"), (change.after, "after"))
            lines = [line for side, name in sides for line in _line(side, name, what, constants)]
            title = f"{what} by one {change.after.updater}(), by number of CPUs"
            yield f'<div class="scroll">{plot(lines, title)}</div>'


def _line(side: CaseCost, name: str, what: str, constants: Mapping[str, Constant]) -> Iterator[Growth]:
    if side.scheme is not None:
        yield growth_of(replace(side.scheme, name=name), constants, what)
