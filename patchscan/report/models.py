"""What models showed, as text: the verdict in words and the timeline, threads as columns, time downwards."""

from collections.abc import Iterator, Sequence
from textwrap import wrap

from patchscan.printable import printable
from patchscan.report import ModelResult, Step

NUMBER = 4
GAP = 2
OUTCOMES = {
    "Never": "the model never shows the bad observation",
    "Sometimes": "the model can show the bad observation",
    "Always": "the model always shows the bad observation",
}


def verdict(model: ModelResult) -> str:
    """The verdict, that of the code before, and the outcome in words."""
    before = f" ({model.before} before the series)" if model.before else ""
    return f"{model.verdict}{before}: {OUTCOMES.get(model.outcome, model.outcome)}"


def facts(model: ModelResult) -> Iterator[tuple[str, str]]:
    """(title, text) of what belongs to a verdict: repair, assumptions, what was left out, how to run it again."""
    listed = (
        ("repair", model.repair or ""),
        ("assumes", "; ".join(model.assumptions)),
        ("not modelled", "; ".join(model.unmodelled)),
        ("to run it again", model.replay),
    )
    return ((title, text) for title, text in listed if text)


def timeline_lines(steps: Sequence[Step], width: int, places: bool = True) -> Iterator[str]:
    """A table of at most `width` columns where words allow; places: with the path and line of each step."""
    threads = list(dict.fromkeys(step.thread for step in steps))
    column = max((width - NUMBER) // max(len(threads), 1) - GAP, 12)
    heads = [wrap(printable(thread), column) for thread in threads]
    for at in range(max((len(head) for head in heads), default=0)):
        cells = [head[at] if at < len(head) else "" for head in heads]
        yield " " * NUMBER + (" " * GAP).join(f"{cell:{column}}" for cell in cells).rstrip()
    for number, step in enumerate(steps, 1):
        before = " " * (threads.index(step.thread) * (column + GAP))
        for at, line in enumerate(cell_lines(step, column, places)):
            yield f"{f'{number}.' if at == 0 else '':{NUMBER}}{before}{line}"


def cell_lines(step: Step, column: int, places: bool) -> Iterator[str]:
    """One step in its column: what happens, where it stands, what it sees and what it misses."""
    texts = [printable(step.text)]
    if places and step.path:
        texts.append(f"({printable(step.path)}:{step.line})")
    texts += [f"-> {note}" for note in notes(step)]
    for text in texts:
        yield from wrap(text, column, break_long_words=False, break_on_hyphens=False)


def notes(step: Step) -> Iterator[str]:
    """What is to be said of a step besides what it does."""
    if step.reads_from is not None:
        yield f"sees step {step.reads_from}"
    if step.missed is not None:
        yield f"misses step {step.missed}"
