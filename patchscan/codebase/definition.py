"""Functions, macros and stubs cut out of C text, each with its syntax tree."""

import re
from collections.abc import Callable, Iterable
from functools import cached_property, lru_cache

from tree_sitter import Node

from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen
from patchscan.c.nodes import children, parse_function

_WORD = pattern(rb"\b[A-Za-z_]\w*\b")
_CALLED = pattern(rb"\b([A-Za-z_]\w*)[ \t]*\(")
_ONLY_READ = pattern(rb"\bconst\b[^,()*]*\*\s*(\w+)")


@frozen(eq=False)
class Definition:
    """A function, or a function-like macro or stub (by_name: its parameters are bound as written, not by value).

    text: its bytes, comments blanked; first_line: in the file; given: the parameters of one that is bound by name.
    It is parsed when its tree is asked for, since of most that are found only the names are.
    """

    name: str
    path: str
    first_line: int
    text: bytes
    given: tuple[tuple[str, str], ...] | None = None
    stub: bool = False

    @property
    def by_name(self) -> bool:
        return self.given is not None

    @cached_property
    def node(self) -> Node | None:
        """Its syntax tree, None where it does not parse as a function."""
        called = re.search(rb"\b%s\s*\(" % re.escape(self.name.encode("latin-1")), self.text)
        return parse_function(self.text, called.start() if called else 0)

    @cached_property
    def parameters(self) -> tuple[tuple[str, str], ...]:
        """(type, name) of each."""
        if self.given is not None or self.node is None:
            return self.given or ()
        return tuple(_parameters(self.node, self.text_of))

    @cached_property
    def only_read(self) -> frozenset[str]:
        """The parameters that lead to memory which the function may not write."""
        head = self.text[: self.body.start_byte] if self.body is not None else b""
        return frozenset(name.decode("latin-1") for name in _ONLY_READ.findall(head))

    @cached_property
    def result(self) -> str:
        """Its result type."""
        kind = self.node.child_by_field_name("type") if self.node is not None else None
        declarator = self.node.child_by_field_name("declarator") if self.node is not None else None
        return declared(self.text_of(kind) if kind else "", declarator, self.text_of)[0]

    def text_of(self, node: Node) -> str:
        """The C text of a node."""
        return self.text[node.start_byte : node.end_byte].decode("latin-1")

    def line_of(self, node: Node) -> int:
        """The line of a node in the file."""
        return self.first_line + node.start_point[0]

    @cached_property
    def body(self) -> Node | None:
        return self.node.child_by_field_name("body") if self.node is not None else None

    @cached_property
    def identifiers(self) -> frozenset[str]:
        """Every identifier in the text, its own name left out."""
        return frozenset(word.decode() for word in _WORD.findall(self.text)) - {self.name}

    @cached_property
    def called(self) -> tuple[str, ...]:
        """Names in front of a parenthesis, sorted."""
        return tuple(sorted({name.decode() for name in _CALLED.findall(self.text)} - {self.name}))


def number(text: str) -> int:
    """A C integer literal without suffix; raises ValueError for anything else."""
    octal = len(text) > 1 and text[0] == "0" and text.isdigit()
    return int(text, 8 if octal else 0)


def declared(base: str, declarator: Node | None, text_of: Callable[[Node], str]) -> tuple[str, str]:
    """(type, name) of one declarator; the type has its pointer stars behind a space: "pmd_t *"."""
    stars = ""
    while declarator is not None and declarator.type != "identifier":
        if "pointer" in declarator.type:
            stars += "*"
        elif "array" in declarator.type:
            stars += "[]"
        inner = declarator.child_by_field_name("declarator")
        declarator = inner if inner is not None else next(reversed(declarator.named_children), None)
    kind = " ".join(base.split()) + (" " + stars if stars else "")
    return kind, text_of(declarator) if declarator is not None else ""


@lru_cache(maxsize=8192)
def define(
    name: str,
    path: str,
    first_line: int,
    text: bytes,
    parameters: tuple[tuple[str, str], ...] | None = None,
    stub: bool = False,
) -> Definition | None:
    """One definition; parameters given: bound as written. None when it does not parse as a function.

    A stub is not parsed before it is needed: most of them are there for their effects only.
    """
    definition = Definition(name, path, first_line, text, parameters, stub)
    return definition if stub or definition.body is not None else None


def _parameters(node: Node, text_of: Callable[[Node], str]) -> Iterable[tuple[str, str]]:
    """(type, name) of each parameter of a function definition."""
    declarator = node.child_by_field_name("declarator")
    while declarator is not None and declarator.type != "function_declarator":
        declarator = declarator.child_by_field_name("declarator")
    listed = declarator.child_by_field_name("parameters") if declarator is not None else None
    for parameter in children(listed) if listed is not None else ():
        kind = parameter.child_by_field_name("type")
        if parameter.type == "parameter_declaration" and kind is not None:
            yield declared(text_of(kind), parameter.child_by_field_name("declarator"), text_of)
