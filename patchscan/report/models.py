"""What models showed, as text: the verdict in words and the timeline, threads as columns, time downwards."""

from collections.abc import Iterator, Sequence
from textwrap import wrap

from patchscan.basics.pattern import pattern
from patchscan.basics.printable import printable
from patchscan.results import ModelResult, Report, Step

NUMBER = 4
GAP = 2
MOST = 6
OUTCOMES = {
    "Never": "the model never shows the bad observation",
    "Sometimes": "the model can show the bad observation",
    "Always": "the model always shows the bad observation",
}
_PIECE = pattern(r"[^\s(,]*[(,]?\s*")
_PLACE_AT_END = pattern(r" at \S+:\d+$")


def judged(model: ModelResult) -> str:
    """The verdict and that of the code before, with why nothing is known, or what a "safe" assumes."""
    told = _compared(model)
    if model.verdict == "unknown" and model.reasons:
        return f"{told}: {model.reasons[0]}"
    if model.verdict == "safe" and model.assumptions:
        return f"{told}, assuming: {'; '.join(model.assumptions)}"
    return told


def _compared(model: ModelResult) -> str:
    return f"{model.verdict} ({model.before} before the patch)" if model.before else model.verdict


def verdict(model: ModelResult) -> str:
    """The verdict, that of the code before, and the outcome in words."""
    return f"{_compared(model)}: {OUTCOMES.get(model.outcome, model.outcome)}"


def title(model: ModelResult) -> str:
    """What a model is of."""
    return f"{model.scenario}, {model.config}" + (f", patch {model.patch}" if model.patch else "")


def proofs(report: Report) -> frozenset[str]:
    """The names of the models that findings rest on: these are worth a reader's time."""
    return frozenset(finding.model for finding in report.shown if finding.model)


def brief(entries: Sequence[str]) -> str:
    """A list of calls without their places, each once, cut where it gets long."""
    plain = list(dict.fromkeys(_PLACE_AT_END.sub("", entry) for entry in entries))
    more = [f"and {len(plain) - MOST} more"] if len(plain) > MOST + 1 else []
    return ", ".join([*(plain[:MOST] if more else plain), *more])


def facts(model: ModelResult, whole: bool = False) -> Iterator[tuple[str, str]]:
    """(title, text) of what belongs to a verdict: repair, assumptions, what was left out, how to run it again."""
    listed = (
        ("unknown because", "; ".join(model.reasons)),
        ("repair", model.repair or ""),
        ("assumes", "; ".join(model.assumptions)),
        ("not modelled", "; ".join(model.unmodelled) if whole else brief(model.unmodelled)),
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
        yield from fold(text, column)


def fold(text: str, width: int) -> Iterator[str]:
    """Code as lines of at most `width` columns, broken at a blank, after "(" or ",", within a name only at need."""
    line = ""
    for piece in _PIECE.findall(text):
        if line and len((line + piece).rstrip()) > width:
            yield line.rstrip()
            line = ""
        line += piece
        while len(line.rstrip()) > width:
            yield line[:width]
            line = line[width:]
    if line.rstrip():
        yield line.rstrip()


def notes(step: Step) -> Iterator[str]:
    """What is to be said of a step besides what it does."""
    if step.reads_from is not None:
        yield f"sees step {step.reads_from}"
    if step.missed is not None:
        yield f"misses step {step.missed}"
