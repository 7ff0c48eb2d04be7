"""C functions as syntax trees, for lowering: what the model needs of patchscan's parser."""

from collections.abc import Iterator
from functools import lru_cache

from tree_sitter import Node

from patchscan.c.mask import mask, mask_header
from patchscan.c.syntax import descendants, tree


def parse_function(text: bytes, name: int) -> Node | None:
    """The first function definition in a text, parsed with its macros masked; None when there is none.

    name: the offset of its name. Node offsets index `text`.
    """
    root = tree(mask_header(mask(text), name), 0, 0)
    return next((node for node in root.children if node.type == "function_definition"), None)


def children(node: Node) -> list[Node]:
    """The named children that are no comments."""
    return list(_children(node))


@lru_cache(maxsize=8192)
def _children(node: Node) -> tuple[Node, ...]:
    return tuple(child for child in node.named_children if child.type != "comment")


def arguments(node: Node | None) -> list[Node]:
    """The expressions in an argument list, a parenthesis or a comma expression."""
    if node is None:
        return []
    if node.type == "argument_list":
        return children(node)
    if node.type == "parenthesized_expression":
        inner = children(node)
        return arguments(inner[0]) if inner else []
    if node.type == "comma_expression":
        return [
            leaf
            for part in children(node)
            for leaf in (arguments(part) if part.type == node.type else [part])
        ]
    return [node]


def nodes(root: Node) -> Iterator[Node]:
    """Every named node below and including root."""
    return (node for node in descendants(root) if node.is_named)
