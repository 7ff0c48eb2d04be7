"""Litmus tests executed under the Linux kernel memory model.

`run(text)` is the way in; read lkmm.py for the memory model and solving.py for how it is applied.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from patchscan.lkmm.dialect.litmus_syntax import LitmusError

if TYPE_CHECKING:
    from patchscan.lkmm.answers.outcome import Result
    from patchscan.lkmm.answers.running import Limits, ask, run

__all__ = ["Limits", "LitmusError", "Result", "ask", "run"]


def __getattr__(name: str) -> object:
    """The solver is only loaded when something is run."""
    if name in ("Limits", "ask", "run"):
        from patchscan.lkmm.answers import running

        return getattr(running, name)
    if name == "Result":
        from patchscan.lkmm.answers.outcome import Result

        return Result
    raise AttributeError(name)
