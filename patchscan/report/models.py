"""What models showed, as text: the verdict in words and the timeline, threads as columns, time downwards."""

import re
from collections.abc import Iterator, Sequence
from textwrap import wrap

from patchscan.basics.pattern import pattern
from patchscan.basics.printable import printable
from patchscan.results import ModelResult, Report, Step

NUMBER = 4
GAP = 2
MOST = 6
# A column of fewer characters breaks most statements.
NARROW = 28
STAGGER = 4
SLIM = 60
OUTCOMES = {
    "Never": "the model never shows the bad observation",
    "Sometimes": "the model can show the bad observation",
    "Always": "the model always shows the bad observation",
}
_PIECE = pattern(r"[^\s(,]*[(,]?\s*")
# Repairs that do not help, and what a claim rests on: in the message of a finding for those who see no model.
_TRIED = pattern(r"; tried: [^;]*-> still unsafe(?=;|$)")
_ASSUMING = pattern(r"; assuming .*$", re.S)
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
        ("to run it again", _again(model)),
    )
    return ((title, text) for title, text in listed if text)


def _again(model: ModelResult) -> str:
    """The command that executes the model again, and where its file comes from."""
    written = not model.replay or "/" in model.replay
    return model.replay if written else f"{model.replay} (--models DIR writes that file)"


def without_tried(message: str) -> str:
    """The message of a finding without the repairs that do not help."""
    return _TRIED.sub("", message)


def without_basis(message: str) -> str:
    """The message of a finding as it is told above its model, which names what it rests on."""
    return _ASSUMING.sub("", without_tried(message))


def timeline_lines(steps: Sequence[Step], width: int, places: bool = True) -> Iterator[str]:
    """A table of at most `width` columns where words allow; places: with the path and line of each step.

    A thread is a column; where that is too narrow for code, each step has a line that names its CPU.
    """
    threads = list(dict.fromkeys(step.thread for step in steps))
    column = max((width - NUMBER) // max(len(threads), 1) - GAP, 12)
    if column < NARROW:
        yield from staggered(steps, threads, width, places)
        return
    needed = [len(" ".join(step_texts(step, places))) for step in steps] + [len(each) for each in threads]
    column = min(column, max(needed, default=0))
    heads = [wrap(printable(thread), column) for thread in threads]
    for at in range(max((len(head) for head in heads), default=0)):
        cells = [head[at] if at < len(head) else "" for head in heads]
        yield " " * NUMBER + (" " * GAP).join(f"{cell:{column}}" for cell in cells).rstrip()
    for number, step in enumerate(steps, 1):
        before = " " * (threads.index(step.thread) * (column + GAP))
        for at, line in enumerate(cell_lines(step, column, places)):
            yield f"{f'{number}.' if at == 0 else '':{NUMBER}}{before}{line}"


def staggered(steps: Sequence[Step], threads: Sequence[str], width: int, places: bool) -> Iterator[str]:
    """The table for many threads: a step a line as far as it fits, each thread a bit further to the right.

    Where not even that leaves room, as on a phone, what is done stands below who does it.
    """
    names = short_names(threads)
    wide = max(map(len, names))
    apart, below = (STAGGER, False) if width >= SLIM else (2, True)
    for at, thread in enumerate(threads):
        yield " " * (NUMBER + at * apart) + printable(thread)
    for number, step in enumerate(steps, 1):
        at = threads.index(step.thread)
        head = f"{f'{number}.':{NUMBER}}{' ' * (at * apart)}{names[at]:{wide}}  "
        indent = " " * (NUMBER if below else len(head))
        lines = list(cell_lines(step, max(width - len(indent), 12), places))
        if below:
            yield head.rstrip()
            yield from (f"{indent}{line}" for line in lines)
        else:
            yield from (f"{indent if each else head}{line}" for each, line in enumerate(lines))


def short_names(threads: Sequence[str]) -> list[str]:
    """The CPU of each thread, where that tells them apart; else what they are called."""
    names = [printable(thread).partition(":")[0] for thread in threads]
    return names if len(set(names)) == len(names) else [printable(thread) for thread in threads]


def cell_lines(step: Step, column: int, places: bool) -> Iterator[str]:
    """One step in its column: what happens, where it stands, what it sees and what it misses."""
    texts = list(step_texts(step, places))
    if len(whole := " ".join(texts)) <= column:
        yield whole
        return
    for text in texts:
        yield from fold(text, column)


def step_texts(step: Step, places: bool) -> Iterator[str]:
    """What is told of a step, in parts that a line may end after."""
    yield printable(step.text)
    if places and step.path:
        yield f"({printable(step.path)}:{step.line})"
    yield from (f"-> {note}" for note in notes(step))


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
