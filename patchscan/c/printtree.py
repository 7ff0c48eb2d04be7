"""Prints the syntax tree of C code as rules see it: after masking, each function parsed on its own."""

from typing import TYPE_CHECKING, TextIO

from patchscan.basics.printable import printable
from patchscan.c.source import Function, parse

if TYPE_CHECKING:
    from tree_sitter import Node


def print_tree(text: bytes, path: str, name: str, out: TextIO) -> bool:
    """Write the tree of a function (name "": of every function) to out; False where there is none of that name."""
    functions = [each for each in parse(text, path).functions() if name in ("", each.name)]
    for function in functions:
        clean = ", not parsed cleanly" if function.partial else ""
        out.write(f"{printable(path)}:{function.first_line}: {printable(function.name)}{clean}\n")
        print_node(function, function.node, 1, "", out)
    return bool(functions) or not name


def print_node(function: Function, node: "Node", depth: int, field: str, out: TextIO) -> None:
    """One named node a line: its line, field, type, and the text of a leaf or the macro it stands for."""
    macro = function.macro_of(node)
    text = printable(function.source.text_of(node)) if not node.named_child_count else macro
    label = f"{field}: " if field else ""
    line = function.source.line_of(node)
    out.write(f"{line:6} {'  ' * depth}{label}{node.type}{' ' + text if text else ''}\n")
    for index, child in enumerate(node.children):
        if child.is_named:
            print_node(function, child, depth + 1, node.field_name_for_child(index) or "", out)
