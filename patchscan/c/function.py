"""A function of a C text: its calls, statements, variables and control structures."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from patchscan.basics.keep import kept
from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen
from patchscan.c.branches import first_branches
from patchscan.c.lexical import without_defines
from patchscan.c.mask import mask, mask_header
from patchscan.c.plaintext import Text
from patchscan.c.syntax import descendants, parents, tree

if TYPE_CHECKING:
    from tree_sitter import Node

_WORD = pattern(rb"[A-Za-z_]\w*")


@frozen
class Call:
    """A call: name is "" when the callee is an expression; arguments are nodes; line counts in the file."""

    name: str
    arguments: tuple["Node", ...]
    node: "Node"
    line: int


ControlKind = Literal["if", "else", "for", "while", "do", "switch", "case", "guard"]


@frozen
class Control:
    """A control structure around a node.

    kind: "if", "else", "for", "while", "do", "switch", "case" or "guard"; macro: the macro that makes the
    structure ("for_each_online_cpu", "scoped_guard"), else ""; a loop macro has the kind "for".
    condition: the parenthesised part; of a macro its arguments; of an else the condition that fails.
    """

    kind: ControlKind
    macro: str
    node: "Node"
    condition: "Node | None"
    line: int


@frozen
class Variable:
    """A parameter or local variable. type: as written, with stars ("struct page *"); value: initialiser."""

    name: str
    type: str
    node: "Node"
    line: int
    value: "Node | None" = None
    static: bool = False


@frozen(eq=False)
class Function:
    """A function definition, parsed on its own when a node of it is first asked for.

    start, name_start, brace, end: offsets in source.text of its header, its name (or the macro that makes
    it), its opening brace and past its closing one.
    has_head, has_tail: False where a fragment begins, or ends, inside it.
    """

    name: str
    source: Text
    start: int
    name_start: int
    brace: int
    end: int
    first_line: int
    last_line: int
    has_head: bool = True
    has_tail: bool = True

    @property
    def whole(self) -> bool:
        """Whether all of the function is in the text."""
        return self.has_head and self.has_tail

    @property
    def text(self) -> str:
        """The original text, header included."""
        return self.source.slice(self.start, self.end)

    @property
    def header(self) -> str:
        """The original text before the opening brace: attributes, type, name and parameters."""
        return self.source.slice(self.start, self.brace).strip()

    @property
    def name_line(self) -> int:
        """The line of the file on which its name stands, in its header."""
        return self.source.line_at(self.name_start)

    @property
    def is_static(self) -> bool:
        return "static" in self.header.partition(self.name)[0].split()

    @property
    def is_inline(self) -> bool:
        words = self.header.partition(self.name)[0].split()
        return any(word in ("inline", "__inline", "__always_inline", "__inline__") for word in words)

    @cached_property
    def _parsed(self) -> "tuple[Node, bool]":
        parsed = self.source.repaired or self.source.text
        text = mask(without_defines(parsed[self.start : self.brace]) + parsed[self.brace : self.end])
        text = mask_header(text, self.name_start - self.start)
        row = self.source.row_of(self.start)
        root = tree(text, self.start, row)
        if root.has_error and b"#" in text:
            simpler = tree(first_branches(text), self.start, row)
            root = root if simpler.has_error else simpler
        definition = next((node for node in root.named_children if node.type == "function_definition"), None)
        return definition or root, root.has_error or definition is None

    @property
    def node(self) -> "Node":
        """The function_definition (of a function that is no readable definition: what could be parsed)."""
        return self._parsed[0]

    @property
    def partial(self) -> bool:
        """Whether something in it could not be parsed: rules about structure must abstain."""
        return self._parsed[1]

    @property
    def body(self) -> "Node":
        """The compound_statement."""
        return self.node.child_by_field_name("body") or self.node

    @cached_property
    def _by_type(self) -> "dict[str, list[tuple[int, Node]]]":
        found: dict[str, list[tuple[int, Node]]] = {}
        for index, node in enumerate(descendants(self.node)):
            if node.is_named:
                found.setdefault(node.type, []).append((index, node))
        return found

    def nodes(self, *types: str) -> "tuple[Node, ...]":
        """The nodes of these types (tree-sitter-c's names), in the order of the text."""
        if len(types) == 1:
            return tuple(node for _, node in self._by_type.get(types[0], ()))
        found = [pair for name in types for pair in self._by_type.get(name, ())]
        return tuple(node for _, node in sorted(found, key=lambda pair: pair[0]))

    def nodes_in(self, outer: "Node", *types: str) -> "Iterator[Node]":
        """Like nodes(), of those that stand in a node, itself included."""
        nodes, starts = self._starting(types)
        return (node for node in nodes[_begun_in(outer, starts)] if node.end_byte <= outer.end_byte)

    @kept
    def _starting(self, types: tuple[str, ...]) -> "tuple[Sequence[Node], Sequence[int]]":
        """The nodes of these types, and where each begins."""
        nodes = self.nodes(*types)
        return nodes, [node.start_byte for node in nodes]

    @cached_property
    def _calls(self) -> tuple[Call, ...]:
        return tuple(self.call(node) for node in self.nodes("call_expression"))

    def calls(self) -> tuple[Call, ...]:
        """All calls, in the order of the text (an outer call stands before those in its arguments)."""
        return self._calls

    def calls_in(self, outer: "Node") -> Iterator[Call]:
        """The calls that stand in a node, itself included."""
        near = self._calls[_begun_in(outer, self._call_starts)]
        return (call for call in near if call.node.end_byte <= outer.end_byte)

    @cached_property
    def _call_starts(self) -> list[int]:
        return [call.node.start_byte for call in self._calls]

    def call(self, node: "Node") -> Call:
        """A call_expression as a Call."""
        callee, arguments = node.child_by_field_name("function"), node.child_by_field_name("arguments")
        name = self.source.text_of(callee) if callee is not None and callee.type == "identifier" else ""
        nodes = (
            tuple(child for child in arguments.named_children if child.type != "comment") if arguments else ()
        )
        return Call(name, nodes, node, self.source.line_of(node))

    @cached_property
    def identifiers(self) -> frozenset[str]:
        """The names used, in every branch of an #if: variables, functions, types, fields, labels, keywords."""
        words = _WORD.findall(self.source.code, self.start, self.end)
        return frozenset(word.decode() for word in words)

    def at(self, line: int) -> "Node | None":
        """The innermost statement or declaration that holds a line of the file."""
        held = [node for node in self.statements() if self._holds(node, line)]
        return held[-1] if held else None

    def _holds(self, node: "Node", line: int) -> bool:
        return self.source.line_of(node) <= line <= self.source.last_line_of(node)

    def statements(self) -> "tuple[Node, ...]":
        """All statements and declarations of the body, outer before inner, in the order of the text."""
        return tuple(node for node in self.nodes(*_STATEMENTS) if node != self.body)

    def statement_of(self, node: "Node") -> "Node | None":
        """The innermost statement or declaration that holds a node."""
        found: Node | None = node
        while found is not None and found.type not in _STATEMENTS:
            found = self.parent_of(found)
        return found

    def lines_among(self, numbers: frozenset[int]) -> Sequence[int]:
        """Those of some lines on which it stands."""
        if self.last_line - self.first_line < len(numbers):
            return [each for each in range(self.first_line, self.last_line + 1) if each in numbers]
        return [each for each in numbers if self.first_line <= each <= self.last_line]

    def parent_of(self, node: "Node") -> "Node | None":
        """The parent of a node of this function; node.parent goes down from the root, which makes nesting a square."""
        return self._parents.get(node.id)

    @cached_property
    def _parents(self) -> "dict[int, Node]":
        return parents(self.node)

    def enclosing(self, node: "Node") -> tuple[Control, ...]:
        """The control structures around a node, innermost first. A node in the condition is not inside.

        Of a fragment, those that begin in it: what kind of block it began inside of is not known.
        """
        way: list[tuple[Node, Node]] = []
        child, parent = node, self.parent_of(node)
        while parent is not None and child.id not in self._around:
            way.append((child, parent))
            child, parent = parent, self.parent_of(parent)
        found = self._around.get(child.id, ())
        for child, parent in reversed(way):
            control = self._control(parent, child)
            if control is not None and control.line >= self.first_line:
                found = (control, *found)
            self._around[child.id] = found
        return found

    @cached_property
    def _around(self) -> "dict[int, tuple[Control, ...]]":
        """What enclosing() found so far, by the node's id."""
        return {}

    def _control(self, parent: "Node", child: "Node") -> Control | None:
        """What parent is to its child, when it controls whether or how often the child runs."""
        if parent.type == "if_statement":
            if child == parent.child_by_field_name("condition"):
                return None
            if child != parent.child_by_field_name("alternative"):
                return self.control(parent)
            return Control(
                "else", "", parent, parent.child_by_field_name("condition"), self.source.line_of(child)
            )
        kind = _CONTROLS.get(parent.type)
        if kind is None or (kind not in ("for", "case") and child == parent.child_by_field_name("condition")):
            return None
        if child == parent.child_by_field_name("value") or child == parent.child_by_field_name("initializer"):
            return None
        return self.control(parent)

    def control(self, node: "Node") -> Control:
        """An if, loop, switch or case statement as a Control."""
        kind = _CONTROLS[node.type]
        macro = self.macro_of(node)
        if macro:
            kind = "for" if kind == "while" else "guard" if kind == "if" else kind
        condition = node.child_by_field_name("condition") or node.child_by_field_name("value")
        return Control(kind, macro, node, condition, self.source.line_of(node))

    def macro_of(self, node: "Node") -> str:
        """The macro that a while_statement or if_statement stands for, "" where it is a plain one."""
        if node.type not in ("while_statement", "if_statement"):
            return ""
        match = _WORD.match(self.source.text, node.start_byte)
        word = match.group().decode() if match else ""
        return "" if word == node.type.removesuffix("_statement") else word

    @cached_property
    def parameters(self) -> tuple[Variable, ...]:
        """The named parameters, in order."""
        lists = [node for node in self.nodes("parameter_list") if node.end_byte <= self.brace]
        children = lists[0].named_children if lists else []
        return tuple(
            found
            for node in children
            if node.type == "parameter_declaration"
            for found in self._variables(node)
        )

    @cached_property
    def locals(self) -> tuple[Variable, ...]:
        """The variables declared in the body, in order, those of inner blocks included."""
        return tuple(found for node in self.nodes("declaration") for found in self._variables(node))

    def _variables(self, node: "Node") -> Iterator[Variable]:
        """The variables one declaration declares; functions declared in it are left out."""
        static = any(self.source.text_of(child) == "static" for child in node.children[:3])
        base = " ".join(
            self.source.text_of(child)
            for child in node.named_children
            if child == node.child_by_field_name("type") or child.type == "type_qualifier"
        )
        for declarator in node.children_by_field_name("declarator"):
            value = declarator.child_by_field_name("value")
            inner: Node | None = declarator
            shape = ""
            while inner is not None and inner.type not in ("identifier", "function_declarator"):
                shape += {"pointer_declarator": "*", "array_declarator": "[]"}.get(inner.type, "")
                inner = inner.child_by_field_name("declarator") or _only_child(inner)
            if inner is not None and inner.type == "function_declarator":
                inner = _pointer_to_function(inner)
                shape += "(*)()"
            if inner is not None:
                kind = f"{base} {shape}" if shape else base
                yield Variable(
                    self.source.text_of(inner), kind, declarator, self.source.line_of(inner), value, static
                )


_STATEMENTS = frozenset(
    {
        "attributed_statement",
        "break_statement",
        "case_statement",
        "compound_statement",
        "continue_statement",
        "declaration",
        "do_statement",
        "expression_statement",
        "for_statement",
        "goto_statement",
        "if_statement",
        "labeled_statement",
        "return_statement",
        "switch_statement",
        "while_statement",
    }
)
_CONTROLS: dict[str, ControlKind] = {
    "if_statement": "if",
    "for_statement": "for",
    "while_statement": "while",
    "do_statement": "do",
    "switch_statement": "switch",
    "case_statement": "case",
}


def _begun_in(outer: "Node", starts: Sequence[int]) -> slice:
    """Those of some nodes that begin in a node; starts: where each does, in the order of the text."""
    return slice(bisect_left(starts, outer.start_byte), bisect_right(starts, outer.end_byte))


def _only_child(node: "Node") -> "Node | None":
    return next(
        (child for child in node.named_children if child.type.endswith(("declarator", "identifier"))), None
    )


def _pointer_to_function(node: "Node") -> "Node | None":
    """The name in `type (*name)(...)`; None for a plain function declaration."""
    inner = node.child_by_field_name("declarator")
    if inner is None or inner.type != "parenthesized_declarator":
        return None
    while inner is not None and inner.type != "identifier":
        inner = inner.child_by_field_name("declarator") or _only_child(inner)
    return inner
