"""Variables of inner blocks that hide others of the same name: each gets a name of its own."""

from collections.abc import Iterator
from functools import lru_cache

from tree_sitter import Node

from patchscan.basics.record import frozen, replace
from patchscan.c.nodes import nodes
from patchscan.codebase.definition import Definition, declared

MARK = "__inside"
"""Ends the name that the code gives, begins what tells it from others."""
_SCOPES = ("compound_statement", "for_statement")


@frozen
class _Extent:
    """Where a name means one variable of an inner block: from its declarator to the end of the block."""

    name: str
    start: int
    end: int

    def holds(self, node: Node) -> bool:
        return self.start <= node.start_byte < self.end


def given_name(name: str) -> str:
    """The name that the code gives to what has a name of its own here."""
    return name.partition(MARK)[0]


@lru_cache(maxsize=4096)
def with_own_names(definition: Definition) -> Definition:
    """The function with other names for the variables of inner blocks, where these names mean others outside of them.

    Lines stay where they are.
    """
    body = definition.body
    extents = tuple(_extents(body, definition)) if body is not None else ()
    if body is None or not extents:
        return definition
    names = {extent.name for extent in extents}
    uses = [
        (node, _meant(node, definition.text_of(node), extents))
        for node in nodes(definition.node or body)
        if node.type == "identifier" and definition.text_of(node) in names
    ]
    hidden = {definition.text_of(node) for node, extent in uses if extent is None} | set(_nested(extents))
    text, last = [], 0
    for node, extent in sorted(uses, key=lambda use: use[0].start_byte):
        if extent is not None and extent.name in hidden:
            own = f"{extent.name}{MARK}{extents.index(extent) + 1}"
            text += [definition.text[last : node.start_byte], own.encode("latin-1")]
            last = node.end_byte
    return replace(definition, text=b"".join([*text, definition.text[last:]])) if last else definition


def _extents(body: Node, definition: Definition) -> Iterator[_Extent]:
    """Of each variable that an inner block or the head of a loop declares; what is declared elsewhere is left out."""
    for node in nodes(body):
        scope = node.parent
        while scope is not None and scope.type not in _SCOPES:
            scope = scope.parent
        if node.type != "declaration" or scope is None or scope == body:
            continue
        if any(definition.text_of(child) == "extern" for child in node.children):
            continue
        for declarator in node.children_by_field_name("declarator"):
            named = declarator.child_by_field_name("declarator") if _has_value(declarator) else declarator
            name = declared("", named, definition.text_of)[1]
            if name:
                yield _Extent(name, declarator.start_byte, scope.end_byte)


def _has_value(declarator: Node) -> bool:
    return declarator.type == "init_declarator"


def _meant(node: Node, name: str, extents: tuple[_Extent, ...]) -> _Extent | None:
    """The variable of an inner block that a name means, None where it is none of these."""
    around = [extent for extent in extents if extent.name == name and extent.holds(node)]
    return max(around, key=lambda extent: extent.start, default=None)


def _nested(extents: tuple[_Extent, ...]) -> Iterator[str]:
    """Names that an inner block declares inside of another one that declares them."""
    for one in extents:
        if any(
            one is not other and one.name == other.name and other.start < one.start < other.end
            for other in extents
        ):
            yield one.name
