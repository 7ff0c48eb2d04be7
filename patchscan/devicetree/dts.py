"""Devicetree sources to nodes and properties, with their lines. tree-sitter's grammar of them lives only here.

What the grammar does not know (a macro as a value, a file cut off) marks its node as broken: then nothing is claimed
on what that node lacks. The grammar is loaded for such a file only.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from patchscan.basics.budget import BUDGET
from patchscan.basics.keep import of_text
from patchscan.basics.record import frozen

if TYPE_CHECKING:
    from tree_sitter import Node as Parsed
    from tree_sitter import Parser

_VALUES = {"string_literal": "string", "integer_cells": "cells", "byte_string_literal": "bytes"}
_GROUPS = ("preproc_ifdef", "preproc_if", "preproc_else", "preproc_elif", "omit_if_no_ref")
# A source may be so many times as large as a schema.
_LARGER = 4


@frozen
class Datum:
    """One value of a property: "text" in quotes, <cells>, [bytes] or a reference; parts: its cells, one text each."""

    kind: Literal["string", "cells", "bytes", "reference"]
    line: int
    text: str
    parts: tuple[str, ...] = ()


@frozen
class Property:
    """A property; broken: whether its value was not understood."""

    name: str
    line: int
    last: int
    values: tuple[Datum, ...] = ()
    broken: bool = False

    @property
    def strings(self) -> tuple[str, ...]:
        """Its strings."""
        return tuple(value.text for value in self.values if value.kind == "string")


@frozen
class Node:
    """A node, or what a file says of one that stands elsewhere.

    name: without its unit address; unit: what stands behind the @, "" for none;
    labels: those before its name; refers: whether it is named by label or path (&label), so that it stands elsewhere;
    broken: whether something directly in it was not understood; guarded: whether it holds conditions.
    """

    name: str
    unit: str
    line: int
    last: int
    labels: tuple[str, ...] = ()
    refers: bool = False
    broken: bool = False
    guarded: bool = False
    properties: tuple[Property, ...] = ()
    nodes: tuple["Node", ...] = ()

    def get(self, name: str) -> Property | None:
        """A property by its name."""
        return next((each for each in self.properties if each.name == name), None)

    def below(self) -> Iterator["Node"]:
        """The node and all nodes in it."""
        yield self
        for node in self.nodes:
            yield from node.below()

    @property
    def whole_name(self) -> str:
        """The name with its unit address."""
        return f"{self.name}@{self.unit}" if self.unit else self.name


@frozen
class Unread:
    """Why a source was not read."""

    line: int
    why: str


@of_text(8)
def read_source(data: bytes, first_line: int = 1) -> tuple[Node, ...] | Unread:
    """The nodes at the top of a text whose first line has that number."""
    if len(data) > _LARGER * BUDGET.schema_bytes.most:
        return Unread(1, f"{BUDGET.schema_bytes.said} {_LARGER * BUDGET.schema_bytes.most} bytes")
    return _Reader(first_line - 1).read(_parser().parse(data).root_node)


@lru_cache(maxsize=1)
def _parser() -> "Parser":
    # Imported here: only a patch with such a source needs them.
    import tree_sitter_devicetree
    from tree_sitter import Language, Parser

    return Parser(Language(tree_sitter_devicetree.language()))


class _TooMuch(Exception):
    """A bound was met, at a line."""

    def __init__(self, line: int, why: str) -> None:
        super().__init__(why)
        self.line, self.why = line, why


class _Reader:
    """Makes nodes of what the grammar says."""

    def __init__(self, lines_before: int) -> None:
        self.lines_before = lines_before
        self.count = 0

    def read(self, root: "Parsed") -> tuple[Node, ...] | Unread:
        try:
            nodes, _, _, _ = self.body(root, 0)
        except _TooMuch as bound:
            return Unread(bound.line, bound.why)
        return tuple(nodes)

    def line(self, parsed: "Parsed") -> int:
        return parsed.start_point.row + 1 + self.lines_before

    def last(self, parsed: "Parsed") -> int:
        return parsed.end_point.row + 1 + self.lines_before

    def counted(self, parsed: "Parsed", depth: int) -> None:
        self.count += 1
        for bound, met in ((BUDGET.schema_values, self.count), (BUDGET.schema_depth, depth)):
            if met > bound.most:
                raise _TooMuch(self.line(parsed), f"{bound.said} {bound.most}")

    def body(self, parsed: "Parsed", depth: int) -> tuple[list[Node], list[Property], bool, bool]:
        """(nodes, properties, whether something was not understood, whether there are conditions) of a body."""
        nodes: list[Node] = []
        properties: list[Property] = []
        broken = guarded = False
        self.counted(parsed, depth)
        for child in parsed.named_children:
            if child.type == "node":
                nodes.append(self.node(child, depth))
            elif child.type == "property":
                properties.append(self.property(child))
            elif child.type in _GROUPS:
                inner = self.body(child, depth + 1)
                nodes += inner[0]
                properties += inner[1]
                broken, guarded = broken or inner[2], guarded or child.type != "omit_if_no_ref"
            elif child.type == "ERROR":
                broken = True
            elif child.type == "preproc_include":
                guarded = guarded or parsed.type == "node"
        return nodes, properties, broken or any(child.is_missing for child in parsed.children), guarded

    def node(self, parsed: "Parsed", depth: int) -> Node:
        name = parsed.child_by_field_name("name")
        # The @ has the same name in the grammar as what stands behind it.
        address = next((each for each in parsed.named_children if each.type == "unit_address"), None)
        nodes, properties, broken, guarded = self.body(parsed, depth + 1)
        return Node(
            text(name),
            text(address),
            self.line(name or parsed),
            self.last(parsed),
            tuple(text(each) for each in parsed.children_by_field_name("label")),
            name is not None and name.type == "reference",
            broken,
            guarded,
            tuple(properties),
            tuple(nodes),
        )

    def property(self, parsed: "Parsed") -> Property:
        self.count += 1
        name = parsed.child_by_field_name("name")
        values = [each for each in parsed.children_by_field_name("value") if each.is_named]
        return Property(
            text(name),
            self.line(name or parsed),
            self.last(parsed),
            tuple(self.value(each) for each in values if each.type in _VALUES or each.type == "reference"),
            parsed.has_error or any(each.type not in _VALUES and each.type != "reference" for each in values),
        )

    def value(self, parsed: "Parsed") -> Datum:
        kind: Literal["string", "cells", "bytes", "reference"] = "reference"
        if parsed.type == "string_literal":
            return Datum("string", self.line(parsed), text(parsed)[1:-1])
        if parsed.type == "integer_cells":
            kind = "cells"
        elif parsed.type == "byte_string_literal":
            kind = "bytes"
        parts = tuple(text(each) for each in parsed.named_children if each.type != "comment")
        return Datum(kind, self.line(parsed), text(parsed), parts if kind == "cells" else ())


def text(parsed: "Parsed | None") -> str:
    """What a piece of the text says."""
    return (parsed.text or b"").decode("utf-8", "surrogateescape") if parsed is not None else ""
