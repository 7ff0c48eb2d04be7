"""The thread that makes a cross call, as the lowering of requests sees it."""

from __future__ import annotations

from typing import Protocol

from patchscan.lkmm.dialect.litmus_syntax import Expression, Statement, Thread
from patchscan.lkmm.domains.domains import Lowered


class Caller(Protocol):
    """What a request asks of the lowering of its thread: names, registers, and the state of its CPU."""

    lowered: Lowered
    thread: Thread
    cpu: int
    parameters: dict[str, str]
    locals: set[str]
    irqs_off: bool
    open: dict[str, str]
    start: list[Statement]
    line: int

    def wait(self, doing: str, waits_for: set[str]) -> None:
        """Note that the thread waits here, for the wait-for check."""

    def call(self, function: str, *arguments: Expression) -> Statement:
        """A call as a statement of its own."""

    def assign(self, register: str, value: Expression) -> Statement:
        """A register set to a value."""

    def variable(self, name: str, kind: str = "int") -> Expression:
        """A shared variable of ours as an argument."""

    def domain(self, name: str) -> Expression:
        """The domain of sections of that name as an argument."""

    def close(self, domain: str) -> list[Statement]:
        """The end of the open section of a domain."""

    def set_interrupts(self, off: bool) -> list[Statement]:
        """Interrupts switched off or on."""

    def apart(self, expression: Expression, keep: bool = False) -> tuple[list[Statement], Expression]:
        """The reads of an expression as statements before it, and what is left of it."""
