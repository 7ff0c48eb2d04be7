"""A live line on standard error while a scan takes long: which patch, which rule; gone when it is done."""

from __future__ import annotations

import contextlib
import os
import sys
from time import monotonic

# Not imported from typing, which takes a tenth of the time that `--help` has.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from patchscan.context import Context
    from patchscan.finding import Finding, Silence
    from patchscan.rule import Rule

# Who waits less needs no line.
PATIENCE = 1.0


@contextlib.contextmanager
def watched(rules: Sequence[Rule], wanted: bool) -> Iterator[tuple[Rule, ...]]:
    """The rules, each telling the line where it is; unchanged where standard error can show none or none is wanted."""
    if not wanted or not can_show():
        yield tuple(rules)
        return
    from patchscan.basics.record import replace

    line = Line()
    try:
        yield tuple(replace(rule, check=line.watch(rule)) for rule in rules)
    finally:
        line.end()


def can_show() -> bool:
    """Whether standard error can show a line that changes."""
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


class Line:
    """The line; it begins to show after a second, and loads what draws it only then."""

    def __init__(self) -> None:
        self.start = monotonic()
        self.status: Any = None

    def watch(self, rule: Rule) -> Any:
        """The check of a rule that says first where it is."""

        def check(context: Context) -> Iterator[Finding | Silence]:
            self.tell(f"patch {context.patch.index} of {len(context.all)}: {rule.name}")
            yield from rule.check(context)

        return check

    def tell(self, text: str) -> None:
        """Show a text, once the user has waited long enough."""
        if self.status is None:
            if monotonic() - self.start < PATIENCE:
                return
            from rich.console import Console

            self.status = Console(stderr=True).status(text)
            self.status.start()
        self.status.update(text)

    def end(self) -> None:
        """Take the line away."""
        if self.status is not None:
            self.status.stop()
