"""Costs as text and as JSON: a row a scheme, then growth, latency, sources. Every figure says how sure it is."""

import json
from collections.abc import Callable, Iterator, Sequence
from textwrap import wrap

from patchscan.basics.fields import plain
from patchscan.basics.printable import printable
from patchscan.cost.comparing import Comparison
from patchscan.cost.figures import Figure, SchemeCost
from patchscan.cost.growth import Growth
from patchscan.cost.run import Workload

_COLUMNS = (
    ("IPIs", "IPIs sent"),
    ("CPUs hit", "CPUs interrupted"),
    ("isolated hit", "isolated task interrupted"),
    ("looks", "reads of other CPUs"),
    ("grace periods", "grace periods waited for"),
    ("deferred", "deferred frees"),
    ("tables/wait", "tables per wait"),
    ("smp_mb/call", "full barriers per call"),
    ("atomics/call", "atomics per call"),
    ("acq+rel/call", "acquire or release per call"),
)
_RANGES = (
    ("IPIs", "IPIs sent, steady"),
    ("spurious", "spurious IPIs, steady"),
    ("isolated hit", "isolated task interrupted, steady"),
    ("update takes", "update takes"),
    ("reader call takes", "reader call takes"),
)
Tables = Callable[[Sequence[str], Sequence[Sequence[str]]], Iterator[str]]
# Between two columns of a drawn table.
GAP = 2
_UNITS = ((1e9, "s"), (1e6, "ms"), (1e3, "us"), (1, "ns"))


def as_json(found: Comparison) -> str:
    """The comparison as one JSON object; times in nanoseconds."""
    rows = [
        {"workload": plain(workload), "schemes": [plain(each) for each in costs]}
        for workload, costs in found.rows
    ]
    whole = {
        "schema": 1,
        "rows": rows,
        "growth": [plain(each) for each in found.growth],
        "latencies": [plain(each) for each in found.latencies],
        "crossover": plain(found.crossover) if found.crossover else None,
        "capacity": plain(found.capacity) if found.capacity else None,
        "constants": {name: plain(each) for name, each in sorted(found.constants.items())},
        "runs": found.runs,
        "seed": found.seed,
        "problems": list(found.problems),
    }
    return json.dumps(whole, indent=1) + "\n"


def as_text(found: Comparison, width: int = 0) -> str:
    """The comparison as lines; width: that of the terminal on which figures are drawn as tables, 0 for none."""

    def tables(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
        yield from drawn_grid(heads, rows, width) if width else plain_grid(heads, rows)

    parts = [*_rows(found, tables), *_growth(found.growth, tables), *_latency(found, tables), *_basis(found)]
    lines = (each for line in parts for each in ((line,) if isinstance(line, Drawn) else fitted(line, width)))
    return "\n".join(lines) + "\n"


class Drawn(str):
    """A line that holds orders to the terminal which are ours, and text that was made printable before."""


def fitted(line: str, width: int) -> Sequence[str]:
    """A line of prose, broken at words where the terminal is narrower."""
    text = printable(line)
    indent = " " * (len(text) - len(text.lstrip()) + 2)
    return (
        wrap(text, width, subsequent_indent=indent, break_long_words=False)
        if 0 < width < len(text)
        else [text]
    )


def plain_grid(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """A line a row, the first column to the left and all others to the right."""
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    for row in (heads, *rows):
        first, *others = (
            f"{text:{size}}" if not at else f"{text:>{size}}"
            for at, (text, size) in enumerate(zip(row, widths, strict=True))
        )
        yield "  ".join([f"  {first}", *others]).rstrip()


def drawn_grid(heads: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> Iterator[str]:
    """The same, drawn for a terminal: as several tables, one below the other, where one would be too wide."""
    from patchscan.basics.columns import drawn

    cells = [[printable(text) for text in row] for row in rows]
    sizes = [max(map(len, column)) + GAP for column in zip(heads, *cells, strict=True)]
    parts: list[list[int]] = []
    for at in range(1, len(heads)):
        if parts and sizes[0] + sum(sizes[each] for each in (*parts[-1], at)) <= width:
            parts[-1].append(at)
        else:
            parts.append([at])
    for number, part in enumerate(parts):
        if number:
            yield ""
        shown = [[row[each] for each in (0, *part)] for row in cells]
        text = drawn([heads[each] for each in (0, *part)], shown, width, numbers=range(1, len(part) + 1))
        yield from map(Drawn, text.splitlines())


def _rows(found: Comparison, tables: Tables) -> Iterator[str]:
    for workload, costs in found.rows:
        yield _title(workload)
        yield ""
        yield "counted, per update, every walker inside its walk; looks: other CPUs' variables that are read:"
        yield from tables(*grid(costs, _COLUMNS))
        if found.runs:
            yield ""
            yield f"{found.runs} seeded runs, lowest to highest; IPIs are counted, times as marked:"
            yield from tables(*grid(costs, _RANGES))
        yield ""


def _title(workload: Workload) -> str:
    parts = [_plural(workload.cpus, "CPU"), _plural(workload.walkers, "walker")]
    parts += [f"{workload.isolated} isolated", _plural(workload.spaces, "address space")]
    return ", ".join([*parts, _plural(workload.tables, "table") + " an update"])


def _plural(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def grid(
    costs: Sequence[SchemeCost], columns: Sequence[tuple[str, str]]
) -> tuple[list[str], list[list[str]]]:
    """(heads, a row a scheme); a column that is 0 or missing in every row is left out."""
    used = {
        title: [cell(cost.figure(name)) for cost in costs]
        for title, name in columns
        if any((figure := cost.figure(name)) is not None and figure.high for cost in costs)
    }
    rows = [[cost.scheme, *(column[at] for column in used.values())] for at, cost in enumerate(costs)]
    return ["", *used], rows


def cell(figure: Figure | None) -> str:
    """A figure in a column: a number, or a range of numbers or times; times say how sure they are."""
    if figure is None:
        return "-"
    if figure.unit == "ns" and figure.high:
        return f"{span(figure.low, figure.high)} {figure.kind}"
    if figure.low == figure.high:
        return number(figure.low)
    return f"{number(figure.low)}..{number(figure.high)}"


def number(value: float) -> str:
    """Without decimals where there are none."""
    return f"{value:.0f}" if value == int(value) else f"{value:.1f}"


def span(low: float, high: float) -> str:
    """A range of times, in ns, in the unit that suits its ends."""
    first, last = time(low), time(high)
    if first == last:
        return last
    (start, unit), (_, other) = first.split(), last.split()
    return f"{start}..{last}" if unit == other else f"{first}..{last}"


def time(nanoseconds: float) -> str:
    """Three digits and a unit."""
    for size, unit in _UNITS:
        if nanoseconds >= size:
            return f"{nanoseconds / size:.3g} {unit}"
    return f"{nanoseconds:.3g} ns"


def _growth(growth: Sequence[Growth], tables: Tables) -> Iterator[str]:
    if not growth:
        return
    yield f"growth (counted), one walker, every other CPU isolated for kernel flushes: {growth[0].what} per update"
    heads = ["CPUs", "grows as", *(str(size) for size, _ in growth[0].points)]
    yield from tables(
        heads, [[each.scheme, each.order, *(number(value) for _, value in each.points)] for each in growth]
    )
    yield ""


def _latency(found: Comparison, tables: Tables) -> Iterator[str]:
    if not found.latencies or found.crossover is None:
        return
    yield f"writer's latency ({found.crossover.kind})"
    rows = [
        [f"{each.cpus} CPUs", span(*each.broadcast), span(*each.grace_period)] for each in found.latencies
    ]
    yield from tables(["", "IPIs to every CPU", "a grace period"], rows)
    yield (
        f"  the grace period is the shorter wait from {found.crossover.earliest} CPUs on at the earliest, "
        f"from {found.crossover.latest} at the latest"
    )
    yield ""


def _basis(found: Comparison) -> Iterator[str]:
    """What was assumed, what is missing, and where the constants come from."""
    if found.capacity:
        held = found.capacity
        yield (
            f"an mmu_gather of this tree (counted, pages of 4096 bytes): {held.pages} pages or {held.fragments} "
            f"folio fragments before a flush, {held.tables} page tables to a batch"
        )
    costs = list({cost.scheme: cost for _, group in found.rows for cost in group}.values())
    for cost in costs:
        yield from (f"{cost.scheme}: assumes {text}" for text in cost.assumptions)
    missing = dict.fromkeys(text for cost in costs for text in cost.missing)
    if missing:
        yield f"not looked into, counted as nothing: {', '.join(missing)}"
    yield from dict.fromkeys(f"{cost.scheme}: {text}" for cost in costs for text in cost.problems)
    yield from found.problems
    if found.runs:
        yield "constants:"
        for each in found.constants.values():
            yield f"  {each.name}: {span(each.low, each.high)}, {each.kind}, {each.date}: {each.source}"
