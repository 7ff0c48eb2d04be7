"""A pattern of C with holes, parsed by our own grammar into a plain tree that patchscan.match.matching walks.

`$X` is one expression, statement, name or type (the same hole twice: the same text), `$$$A` any number of arguments or
siblings, `$$$;` any statements. `$` is a letter to tree-sitter-c, so a pattern is C and is parsed as C.
"""

from collections.abc import Iterator
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen
from patchscan.c.mask import mask
from patchscan.c.syntax import descendants, tree

if TYPE_CHECKING:
    from tree_sitter import Node

HOLE = pattern(r"(\$\$\$|\$)([A-Z][A-Z0-9_]*)?")
WORD = pattern(r"[A-Za-z_]\w*")
# What stands around a pattern while it is parsed, in the order in which they are tried. The tab: at the margin the
# mask takes a loop macro for the head of a function.
FRAMES = {
    "statements": ("void frame(void)\n{\n\t", "\n}\n"),
    "expression": ("void frame(void)\n{\n\tframe = ", ";\n}\n"),
    "members": ("struct frame {\n\t", "\n};\n"),
    "initialiser": ("int frame[] = {\n\t", "\n};\n"),
    "declarator": ("void frame(void)\n{\n\tint ", ";\n}\n"),
    "file": ("", "\n"),
}
# The node whose children a frame's pattern is, by the frame.
_INSIDE = {
    "statements": "compound_statement",
    "members": "field_declaration_list",
    "file": "translation_unit",
}
_LEAVES = frozenset({"string_literal", "char_literal", "number_literal", "system_lib_string", "null"})
_NAMES = frozenset({"identifier", "type_identifier", "field_identifier", "statement_identifier"})
_CONTROLLED = frozenset({"if_statement", "while_statement", "for_statement", "do_statement", "else_clause"})
_TESTED = frozenset(
    {"if_statement", "while_statement", "do_statement", "for_statement", "conditional_expression"}
)
_ZEROES = ("NULL",)


class PatternError(ValueError):
    """A pattern that is no C in any frame, or that nothing could be searched by."""


@frozen(eq=False)
class Shape:
    """A node of a pattern.

    kind: its type in tree-sitter-c; text: of a leaf; hole: the name of a hole ("" for a nameless one and for what is
    none); many: a hole of any number; truth: it stands where only its truth counts; word: the word in the text that an
    if or while statement begins with, which may be a macro's.
    """

    kind: str
    text: str = ""
    children: tuple["Shape", ...] = ()
    hole: str = ""
    is_hole: bool = False
    many: bool = False
    truth: bool = False
    word: str = ""

    def leaves(self) -> Iterator["Shape"]:
        """The leaves, in the order of the text."""
        if not self.children:
            yield self
        for child in self.children:
            yield from child.leaves()


@frozen(eq=False)
class Pattern:
    """A pattern: its parts (statements or siblings that follow each other, or one node) and what to search by.

    words: one of them stands in every match of the first part; empty where none is sure.
    """

    text: str
    frame: str
    parts: tuple[Shape, ...]
    words: frozenset[str]

    @cached_property
    def holes(self) -> frozenset[str]:
        """The names of the holes."""
        return frozenset(leaf.hole for part in self.parts for leaf in part.leaves() if leaf.hole)


@lru_cache(maxsize=1024)
def read_pattern(text: str, frame: str = "") -> Pattern:
    """A pattern in the first frame in which it is C, or in the one named. Raises PatternError."""
    for name in (frame,) if frame else FRAMES:
        parts = _parsed(text, name)
        if parts:
            if parts[0].is_hole:
                raise PatternError(
                    "it begins with a hole that fits everything: begin with a word of the code"
                )
            return Pattern(text, name, parts, _searched_by(parts[0]))
    tried = f"as {frame}" if frame else "as statements, an expression, members, an initialiser or a file"
    raise PatternError(f"it is no C {tried}: try it in `patchscan syntax`, holes are $NAME in capitals")


def _parsed(text: str, frame: str) -> tuple[Shape, ...]:
    """The parts of a pattern in a frame, () where it does not parse there."""
    opening, closing = FRAMES[frame]
    # A nameless hole of statements, `$$$;`, is an expression to the parser like any other.
    data = (opening + text + closing).encode()
    root = tree(mask(data), 0, 0)
    if root.has_error:
        return ()
    first, last = len(opening.encode()), len(data) - len(closing.encode())
    nodes = _inside(root, frame, first, last)
    return tuple(_shape(node, data, None) for node in nodes)


def _inside(root: "Node", frame: str, first: int, last: int) -> "list[Node]":
    """The outermost nodes that fill the text of a pattern."""
    if frame in _INSIDE:
        outer = next((node for node in descendants(root) if node.type == _INSIDE[frame]), None)
        return [] if outer is None else [node for node in outer.named_children if node.type != "comment"]
    for node in descendants(root):
        if node.is_named and (node.start_byte, node.end_byte) == (first, last):
            return [node]
    return []


def _shape(node: "Node", data: bytes, parent: "Node | None", tested: bool = False) -> Shape:
    """A node as a shape, with what is spelled in several ways brought to one; tested: only its truth counts."""
    text = data[node.start_byte : node.end_byte].decode()
    truth = tested or (parent is not None and is_tested(parent, node))
    hole = HOLE.fullmatch(text.removesuffix(";").rstrip()) if "$" in text else None
    if hole is not None and (hole[1] == "$$$" or node.type in _NAMES):
        many = hole[1] == "$$$"
        return Shape("hole", text, hole=hole[2] or "", is_hole=True, many=many, truth=truth)
    if node.type in _LEAVES or not node.children:
        return Shape(node.type, text, truth=truth)
    inner = [child for child in node.children if child.type not in ("comment", ",")]
    if node.type == "parenthesized_expression" and len(inner) == 3:
        return _shape(inner[1], data, parent, truth)
    if node.type == "compound_statement" and len(inner) == 3 and parent and parent.type in _CONTROLLED:
        only = _shape(inner[1], data, parent)
        if not only.many:
            return only
    shapes = tuple(_shape(child, data, node) for child in inner)
    compared = _compared_with_null(node, shapes)
    if compared is not None and truth:
        operand, equal = compared
        operand = _with_truth(operand, True)
        return Shape("unary_expression", "", (Shape("!", "!"), operand), truth=True) if equal else operand
    found = WORD.match(text)
    word = found[0] if found and node.type in ("if_statement", "while_statement") else ""
    return Shape(node.type, "", shapes, truth=truth, word=word)


def _with_truth(shape: Shape, truth: bool) -> Shape:
    return Shape(
        shape.kind, shape.text, shape.children, shape.hole, shape.is_hole, shape.many, truth, shape.word
    )


def _compared_with_null(node: "Node", shapes: tuple[Shape, ...]) -> tuple[Shape, bool] | None:
    """(the operand, whether it must equal) of a comparison with NULL."""
    if node.type != "binary_expression" or len(shapes) != 3 or shapes[1].kind not in ("==", "!="):
        return None
    for one, other in ((shapes[0], shapes[2]), (shapes[2], shapes[0])):
        if other.text in _ZEROES:
            return one, shapes[1].kind == "=="
    return None


def is_tested(parent: "Node", node: "Node") -> bool:
    """Whether only the truth of a node counts where it stands."""
    if parent.type == "conditional_expression" and parent.child_by_field_name("consequence") is None:
        return False
    if parent.type in _TESTED:
        return parent.child_by_field_name("condition") == node
    if parent.type == "unary_expression":
        return parent.children[0].type == "!"
    return parent.type == "binary_expression" and parent.children[1].type in ("&&", "||")


def _searched_by(part: Shape) -> frozenset[str]:
    """The longest word that every match of a part holds, {} where it holds none."""
    leaves = [leaf for leaf in part.leaves() if not leaf.is_hole]
    names = [leaf.text for leaf in leaves if leaf.kind in _NAMES or leaf.kind == "primitive_type"]
    names = [name for name in names if name != "NULL"]
    if part.word not in ("", "if", "while"):
        names.append(part.word)
    if not names:
        quoted = [leaf.text for leaf in leaves if leaf.kind in ("string_literal", "system_lib_string")]
        names = [word for text in quoted for word in WORD.findall(text)]
    if not names:
        names = [leaf.text for leaf in leaves if WORD.fullmatch(leaf.text)]
        # A brace may stand for `if (x != NULL)`, which holds more words than its pattern, never fewer.
    best = max(names, key=lambda name: (len(name), name), default="")
    return frozenset({best}) if best else frozenset()
