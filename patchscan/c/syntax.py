"""The C parser: bytes to tree-sitter nodes. tree-sitter is imported on first use, for it is slow to load."""

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tree_sitter import Node, Parser


@lru_cache(maxsize=1)
def _parser() -> "Parser":
    from tree_sitter import Language, Parser

    return Parser(Language(_grammar().language()))


def _grammar() -> Any:
    """The compiled grammar of C, without the package around it, which imports a dozen modules to name its files."""
    from importlib.machinery import PathFinder
    from importlib.util import module_from_spec

    package = PathFinder.find_spec("tree_sitter_c")
    places = package.submodule_search_locations if package else None
    spec = PathFinder.find_spec("tree_sitter_c._binding", places)
    if spec is None or spec.loader is None:
        import tree_sitter_c

        return tree_sitter_c
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def tree(text: bytes, offset: int, row: int) -> "Node":
    """Parse text as what stands at that offset and row of a larger one; nodes count from there."""
    from tree_sitter import Point, Range

    end_row = row + text.count(b"\n")
    column = len(text) - text.rfind(b"\n") - 1
    parser = _parser()
    parser.included_ranges = [Range(Point(row, 0), Point(end_row, column), offset, offset + len(text))]
    read: Callable[[int, Point], bytes] = lambda position, _: text[position - offset :]  # noqa: E731
    return parser.parse(read).root_node


def descendants(node: "Node") -> "Iterator[Node]":
    """The node and all below it, in the order of the text; not recursive, for mail may nest without end."""
    cursor = node.walk()
    while True:
        found = cursor.node
        if found is not None:
            yield found
        if cursor.goto_first_child() or cursor.goto_next_sibling():
            continue
        while cursor.goto_parent():
            if cursor.goto_next_sibling():
                break
        else:
            return


def parents(root: "Node") -> "dict[int, Node]":
    """The parent of each node below root, by the node's id."""
    # By a cursor: a node keeps the children that it is asked for.
    found: dict[int, Node] = {}
    above: list[Node] = []
    cursor, node = root.walk(), root
    while True:
        if cursor.goto_first_child():
            above.append(node)
        else:
            while not cursor.goto_next_sibling():
                if not cursor.goto_parent():
                    return found
                above.pop()
        child = cursor.node
        assert child is not None
        node = child
        found[node.id] = above[-1]
