"""What a loop gives back in each of its rounds, although it stays the same."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen
from patchscan.c.source import Call, Function
from patchscan.flow.resources import freeing, releasing

if TYPE_CHECKING:
    from tree_sitter import Node

_COUNTS = pattern(r"\s*(?:(\w+)\s*(?:\+\+|--|\+= 1|-= 1)|(?:\+\+|--)\s*(\w+))\s*")
_ELEMENT = pattern(r"([A-Za-z_][\w.]*(?:->[\w.]+)*)\[\s*([A-Za-z_]\w*)\s*\]")
_WORD = pattern(r"[A-Za-z_]\w*")
_LEAVES = ("break_statement", "return_statement", "goto_statement", "continue_statement")


@frozen
class SameElement:
    """`array[bound]` is given back by a call in each round of a loop over `counter` that ends at `bound`."""

    name: str
    array: str
    bound: str
    counter: str
    line: int
    loop: int


def same_elements(function: Function) -> Iterator[SameElement]:
    """The elements that a loop up to their index gives back in every round, where it should give back the others."""
    for loop in function.nodes("for_statement"):
        condition, step, body = (loop.child_by_field_name(name) for name in ("condition", "update", "body"))
        if condition is None or step is None or body is None or any(function.nodes_in(body, *_LEAVES)):
            continue
        text = function.source.text_of
        found = _COUNTS.fullmatch(text(step))
        counter = (found[1] or found[2]) if found else ""
        bounds = set(_WORD.findall(text(condition))) - {counter} - _changed(function, body)
        for call in function.calls_in(body) if counter else ():
            if call.name in releasing() or call.name in freeing():
                yield from _of_call(function, call, counter, bounds, function.source.line_of(loop))


def _of_call(
    function: Function, call: Call, counter: str, bounds: set[str], loop: int
) -> Iterator[SameElement]:
    arguments = [function.source.text_of(each) for each in call.arguments]
    if any(counter in _WORD.findall(argument) for argument in arguments):
        return
    for found in map(_ELEMENT.search, arguments):
        if found is not None and found[2] in bounds:
            yield SameElement(call.name, found[1], found[2], counter, call.line, loop)
            return


def _changed(function: Function, body: "Node") -> set[str]:
    """The words on the left of the assignments in a loop, and in what it counts."""
    changed: set[str] = set()
    for node in function.nodes_in(body, "assignment_expression", "update_expression"):
        left = node.child_by_field_name("left") or node.child_by_field_name("argument")
        if left is not None and left.type == "identifier":
            changed.add(function.source.text_of(left))
    return changed
