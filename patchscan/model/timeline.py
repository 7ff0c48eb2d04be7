"""The interleaving behind an unsafe verdict, told in the functions and lines of the C code."""

import re

from patchscan.model.events import Thread

_STEP = re.compile(r"\bP(\d+):(\d+)\b")
_COMMENT = re.compile(r"/\* (.*?) \*/")


def interleaving(litmus: str, threads: tuple[Thread, ...]) -> tuple[str, ...]:
    """The steps of a bad execution of a test, each with file, line and function; empty when there is none."""
    from patchscan.simulator import Limits, LitmusError, run
    from patchscan.simulator.parser import parse
    from patchscan.simulator.timeline import timeline

    try:
        result = run(litmus, flags=False, limits=Limits(seconds=10.0))
        steps = timeline(parse(litmus, ""), result.witness) if result.witness is not None else ()
    except LitmusError:
        return ()
    if not steps:
        return ()
    places = litmus.splitlines()
    heads = [
        f"P{index} is {thread.function}() on CPU {thread.cpu}, the {thread.role.replace('_', ' ')}"
        for index, thread in enumerate(threads)
    ]
    return (*heads, *(_STEP.sub(lambda step: _where(step, places), line) for line in steps))


def _where(step: "re.Match[str]", places: list[str]) -> str:
    """P1 and the place that the comment of the litmus line names."""
    number = int(step.group(2))
    found = _COMMENT.search(places[number - 1]) if 0 < number <= len(places) else None
    return f"P{step.group(1)} {found.group(1)}" if found else step.group()
