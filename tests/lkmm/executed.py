"""Every model that scans of mail execute, judged again by what is slow and simple: the plain search, and the reference
prototype where it is there.

    python -m tests.lkmm.executed TREE MBOX...

prints a line for each model that they judge otherwise, and how many they judged.
"""

import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import patchscan.lkmm
from patchscan.commands.reading import read
from patchscan.context import Settings
from patchscan.lkmm import Limits, LitmusError
from patchscan.lkmm.answers.outcome import Answer
from patchscan.lkmm.checking.exhaustive import TooManyExecutions, search
from patchscan.lkmm.dialect.export import export_text
from patchscan.lkmm.dialect.parser import parse
from patchscan.model.verdicts.gate import execute
from patchscan.scan import scan
from patchscan.settling.registry import load_rules
from patchscan.tree import open_tree

REFERENCE = Path(os.environ.get("PATCHSCAN_SHARED", "")) / "reference/lkmm"
_SECONDS = 20.0


def models_of(tree: str, boxes: Sequence[Path]) -> dict[str, Answer]:
    """The text of each litmus test that scans execute, with the answer that they rest on."""
    found: dict[str, Answer] = {}
    ask = patchscan.lkmm.ask

    def asked(text: str, limits: Limits) -> Answer:
        found[text] = ask(text, limits)
        return found[text]

    at = open_tree(tree)
    rules = tuple(rule for rule in load_rules()[0] if rule.default)
    execute.cache_clear()
    with patch.object(patchscan.lkmm, "ask", asked, create=True):
        for box in boxes:
            scan(read([str(box)], None), at, rules, Settings({}))
    return found


def searched(text: str, steps: int) -> bool | None:
    """Whether the condition can hold, by the plain search; None where that takes more steps."""
    litmus = parse(text)
    try:
        return search(litmus, [], steps).outcome != "Never"
    except TooManyExecutions:
        return None


@contextmanager
def _reference() -> Iterator[tuple[Any, Any]]:
    sys.path.insert(0, str(REFERENCE))
    try:
        import eng  # type: ignore[import-not-found]
        import front  # type: ignore[import-not-found]

        yield eng, front
    finally:
        sys.path.remove(str(REFERENCE))


def referred(text: str, seconds: float = _SECONDS) -> bool | None:
    """The same by the reference prototype; None where it cannot read the test, or is not done in time."""
    with _reference() as (eng, front):
        for exported in (False, True):
            try:
                form = export_text(parse(text)) if exported else text
                verdict = eng.Solve(front.parse(form)).verdict(time.time() + seconds)
            except (front.Unsup, LitmusError):
                continue
            except TimeoutError:
                return None
            return {"Never": False, "Sometimes": True, "Always": True}.get(verdict)
    return None


def judged(models: Mapping[str, Answer], steps: int) -> tuple[list[str], list[int]]:
    """The models that one of the two judges otherwise, and how many each of them judged."""
    wrong, counts = [], [0, 0]
    for text, answer in models.items():
        others = [searched(text, steps), referred(text) if REFERENCE.is_dir() else None]
        counts = [count + (other is not None) for count, other in zip(counts, others, strict=True)]
        if answer.held is not None and any(other not in (None, answer.held) for other in others):
            wrong.append(f"{answer.held}, but {others}: {text}")
    return wrong, counts


if __name__ == "__main__":
    executed = models_of(sys.argv[1], [Path(each) for each in sys.argv[2:]])
    differences, numbers = judged(executed, 500)
    for each in differences:
        print(each)
    print(f"{len(executed)} models; judged by the search: {numbers[0]}, by the reference: {numbers[1]}")
    sys.exit(bool(differences))
