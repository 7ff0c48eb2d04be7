"""C text to syntax trees, functions, calls, macros and exports. tree-sitter lives only here."""

from dataclasses import dataclass

from tree_sitter import Node


@dataclass(frozen=True)
class Macro:
    """A #define: parameters is None for an object-like one; body with continuation lines joined."""

    name: str
    parameters: tuple[str, ...] | None
    body: str
    line: int


@dataclass(frozen=True)
class Export:
    """An EXPORT_*SYMBOL*(symbol) line; macro is the name used."""

    symbol: str
    macro: str
    line: int


@dataclass(frozen=True)
class Call:
    """A call: name is "" when the callee is an expression; arguments are nodes; line counts in the file."""

    name: str
    arguments: tuple[Node, ...]
    node: Node
    line: int
