"""Whether a node of a syntax tree fits a shape, and what then stands in the holes."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from patchscan.basics.keep import kept
from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen
from patchscan.match.shape import Shape

if TYPE_CHECKING:
    from tree_sitter import Node

    from patchscan.c.source import Source

_WORD = pattern(rb"[A-Za-z_]\w*")
_LEAVES = frozenset({"string_literal", "char_literal", "number_literal", "system_lib_string", "null"})
_CONTROLLED = frozenset({"if_statement", "while_statement", "for_statement", "do_statement", "else_clause"})
# What a hole of statements does not run over: code may come in there, or be left out.
_NOT_BETWEEN = ("preproc_", "labeled_statement", "case_statement")
# A hole of any number tries every length, so that a hostile text of many statements must not be tried to its end.
_MOST_SIBLINGS = 200


@frozen(eq=False)
class Bound:
    """What stands in a hole: nodes that follow each other (one, but for a hole of any number), and their text."""

    nodes: "tuple[Node, ...]"
    text: str

    @property
    def node(self) -> "Node":
        """The node in the hole."""
        return self.nodes[0]

    @property
    def plain(self) -> str:
        """The text without white space, by which two holes are the same."""
        return "".join(self.text.split())


Bindings = Mapping[str, Bound]
NO_BINDINGS: Bindings = {}


def match_parts(
    parts: Sequence[Shape], node: "Node", source: "Source"
) -> "Iterator[tuple[tuple[Node, ...], Bindings]]":
    """The ways in which a node, and the siblings behind it where there are several parts, fit a pattern's parts."""
    if len(parts) == 1:
        for bound in match(parts[0], node, source, NO_BINDINGS):
            yield (node,), bound
        return
    # Before its siblings are looked for, which takes the longer the deeper it stands.
    if not parts[0].many and next(match(parts[0], node, source, NO_BINDINGS), None) is None:
        return
    yield from _prefix(parts, _with_siblings(node, source), source, NO_BINDINGS, ())


def _with_siblings(node: "Node", source: "Source") -> "Sequence[Node]":
    """A node and what follows it beside comments."""
    known = _known_siblings(source)
    if node.id not in known and node.parent is not None:
        found = [each for each in node.parent.named_children if each.type != "comment"]
        known.update((each.id, (found, at)) for at, each in enumerate(found))
    siblings, at = known.get(node.id, ([node], 0))
    return siblings[at : at + _MOST_SIBLINGS]


@kept
def _known_siblings(source: "Source") -> "dict[int, tuple[Sequence[Node], int]]":
    """A node's id -> the children of its parent, and which of them it is, as far as was asked so far."""
    return {}


def _prefix(
    parts: Sequence[Shape],
    nodes: "Sequence[Node]",
    source: "Source",
    bound: Bindings,
    taken: "tuple[Node, ...]",
) -> "Iterator[tuple[tuple[Node, ...], Bindings]]":
    """Like _all, but nodes may be left over; with the nodes that the parts took."""
    if not parts:
        yield taken, bound
        return
    if parts[0].many:
        for count in range(len(nodes)):
            if count and nodes[count - 1].type.startswith(_NOT_BETWEEN):
                return
            after = _bind(parts[0].hole, nodes[:count], source, bound)
            if after is not None:
                yield from _prefix(parts[1:], nodes[count:], source, after, (*taken, *nodes[:count]))
        return
    if nodes:
        for after in match(parts[0], nodes[0], source, bound):
            yield from _prefix(parts[1:], nodes[1:], source, after, (*taken, nodes[0]))


def match(shape: Shape, node: "Node", source: "Source", bound: Bindings) -> Iterator[Bindings]:
    """The ways in which a node fits a shape: what stands in the holes, those given included."""
    node = _bare(node)
    if shape.is_hole:
        yield from _hole(shape, node, source, bound)
        return
    if node.type == "compound_statement" and shape.kind != "compound_statement":
        inner = _children(node)[1:-1]
        if len(inner) == 1 and node.parent is not None and node.parent.type in _CONTROLLED:
            yield from match(shape, inner[0], source, bound)
        return
    if shape.kind == "compound_statement" and node.type != "compound_statement":
        yield from _all(shape.children[1:-1], [node], source, bound)
        return
    if shape.truth and node.type == "binary_expression":
        yield from _null_comparison(shape, node, source, bound)
    if node.type != shape.kind or _word_of(shape, node, source) != shape.word:
        return
    if not shape.children:
        if shape.text == source.text_of(node):
            yield bound
        return
    yield from _all(shape.children, _children(node), source, bound)


def _hole(shape: Shape, node: "Node", source: "Source", bound: Bindings) -> Iterator[Bindings]:
    """A hole takes any named node; where only its truth counts, `x != NULL` is x, too."""
    if not node.is_named:
        return
    after = _bind(shape.hole, [node], source, bound)
    if after is not None:
        yield after
    operand = _compared(node, source, "!=") if shape.truth else None
    if operand is not None:
        after = _bind(shape.hole, [operand], source, bound)
        if after is not None:
            yield after


def _null_comparison(shape: Shape, node: "Node", source: "Source", bound: Bindings) -> Iterator[Bindings]:
    """`x == NULL` as `!x`, and `x != NULL` as x."""
    if shape.kind == "unary_expression" and shape.children[0].kind == "!":
        operand = _compared(node, source, "==")
        if operand is not None:
            yield from match(shape.children[1], operand, source, bound)
        return
    operand = _compared(node, source, "!=")
    if operand is not None:
        yield from match(shape, operand, source, bound)


def _compared(node: "Node", source: "Source", operator: str) -> "Node | None":
    """The operand that a comparison compares with NULL."""
    if node.type != "binary_expression" or node.children[1].type != operator:
        return None
    left, right = node.children[0], node.children[-1]
    if source.text_of(right) == "NULL":
        return left
    return right if source.text_of(left) == "NULL" else None


def _all(
    shapes: Sequence[Shape], nodes: "Sequence[Node]", source: "Source", bound: Bindings
) -> Iterator[Bindings]:
    """The ways in which nodes fit shapes one by one, to the last."""
    if not shapes:
        if not nodes:
            yield bound
        return
    first, rest = shapes[0], shapes[1:]
    if first.many:
        counts = (len(nodes),) if not rest else range(min(len(nodes), _MOST_SIBLINGS) + 1)
        for count in counts:
            if any(not node.is_named for node in nodes[:count]):
                return
            after = _bind(first.hole, nodes[:count], source, bound)
            if after is not None:
                yield from _all(rest, nodes[count:], source, after)
        return
    if nodes:
        for after in match(first, nodes[0], source, bound):
            yield from _all(rest, nodes[1:], source, after)


def _bind(hole: str, nodes: "Sequence[Node]", source: "Source", bound: Bindings) -> Bindings | None:
    """The bindings with one more, None where the hole holds something else already."""
    if not hole:
        return bound
    text = source.slice(nodes[0].start_byte, nodes[-1].end_byte) if nodes else ""
    value = Bound(tuple(nodes), text)
    if hole in bound:
        return bound if bound[hole].plain == value.plain else None
    return {**bound, hole: value}


def _bare(node: "Node") -> "Node":
    """The node without parentheses around it: `(x)` is x."""
    while node.type == "parenthesized_expression":
        inner = [child for child in node.named_children if child.type != "comment"]
        if len(inner) != 1:
            return node
        node = inner[0]
    return node


def _word_of(shape: Shape, node: "Node", source: "Source") -> str:
    """The word that an if or while statement begins with in the text: for_each_cpu is no plain while."""
    if not shape.word:
        return ""
    found = _WORD.match(source.text, node.start_byte)
    return found.group().decode() if found else ""


def _children(node: "Node") -> "list[Node]":
    """All children but comments and commas."""
    return [child for child in node.children if child.type not in ("comment", ",")]
