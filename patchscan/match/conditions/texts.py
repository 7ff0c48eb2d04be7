"""Conditions on the text in a hole alone."""

import re
from typing import TYPE_CHECKING

from patchscan.basics.pattern import pattern
from patchscan.c.syntax import descendants
from patchscan.match.answer import Answer, no, when
from patchscan.match.fix import filled
from patchscan.match.place import Condition, Place
from patchscan.match.row import Wish

if TYPE_CHECKING:
    from tree_sitter import Node

_CONSTANT = pattern(
    r"[-~]?\(?-?(?:0[xX][0-9a-fA-F]+|\d+)[uUlL]*\)?|NULL|true|false|-?[A-Z][A-Z0-9_]*|'.'|\{\s*0?\s*\}"
)
_NUMBER = pattern(r"(0[xX][0-9a-fA-F]+|\d+)[uUlL]*")

_COMPARING = ("==", "!=", "<", ">", "<=", ">=", "&&", "||")
# Longer arguments make a condition of several lines, which is no better than a variable.
_SHORT = 64


def constant(place: Place, wish: Wish) -> Answer:
    """A number, NULL, true, false, or a name in capitals."""
    text = place.text(wish)
    return when(_CONSTANT.fullmatch(text) is not None, f"{text} is no constant")


def text(place: Place, wish: Wish) -> Answer:
    """The text matches a regular expression from its beginning to its end."""
    found = re.fullmatch(wish.argument, place.text(wish), re.S)
    return when(found is not None, f"{place.text(wish)} is another case")


def lacks(place: Place, wish: Wish) -> Answer:
    """No part of the text matches a regular expression."""
    found = re.search(filled(wish.argument, place.match.holes), place.text(wish), re.S)
    return when(found is None, f"it holds {found[0]}" if found else "")


def holds(place: Place, wish: Wish) -> Answer:
    """Some part of the text matches a regular expression."""
    found = re.search(filled(wish.argument, place.match.holes), place.text(wish), re.S)
    return when(found is not None, f"{place.text(wish)} is another case")


def same_as(place: Place, wish: Wish) -> Answer:
    """The text is that of a template, in which $X is what stands in another hole."""
    wanted = filled(wish.argument, place.match.holes)
    return when("".join(wanted.split()) == "".join(place.text(wish).split()), f"it is not {wanted}")


def differs(place: Place, wish: Wish) -> Answer:
    """The text is not that of a template."""
    wanted = filled(wish.argument, place.match.holes)
    return when("".join(wanted.split()) != "".join(place.text(wish).split()), f"it is {wanted}")


def below(place: Place, wish: Wish) -> Answer:
    """A number below another."""
    found = _NUMBER.fullmatch(place.text(wish))
    if found is None:
        return no(f"{place.text(wish)} is no number")
    return when(int(found[1], 0) < int(wish.argument), f"{found[1]} is {wish.argument} or more")


def simple(place: Place, wish: Wish) -> Answer:
    """A name or a chain of members, which may be read twice: nothing in it is called, assigned or counted up."""
    kinds = {"call_expression", "assignment_expression", "update_expression", "gnu_asm_expression"}
    found = next((each for each in descendants(place.node(wish)) if each.type in kinds), None)
    return when(found is None, f"{place.text(wish)} does something when it is evaluated")


def comparison(place: Place, wish: Wish) -> Answer:
    """An expression that is 0 or 1 by its form: a comparison, a negation, or several of them."""
    node = place.node(wish)
    fits = is_comparison(node)
    return when(fits, f"{place.text(wish)} may hold another value than 0 and 1")


def is_comparison(node: "Node") -> bool:
    """Whether an expression is 0 or 1 by its form."""
    while node.type == "parenthesized_expression" and node.named_children:
        node = node.named_children[0]
    if node.type == "unary_expression":
        return node.children[0].type == "!"
    return node.type == "binary_expression" and node.children[1].type in _COMPARING


def fits_a_test(place: Place, wish: Wish) -> Answer:
    """Arguments that leave a test of the call on one line, and short."""
    text = " ".join(place.text(wish).split())
    return when(len(text) <= _SHORT, "the call is too long for a test")


def one_line(place: Place, wish: Wish) -> Answer:
    """It stands on one line."""
    return when("\n" not in place.text(wish), "it runs over several lines")


CONDITIONS = {
    "constant": Condition(constant, "a number, NULL, true, false or a name in capitals"),
    "text": Condition(text, "its text matches a regular expression", takes_argument=True),
    "lacks": Condition(
        lacks, "its text holds nothing that matches a regular expression", takes_argument=True
    ),
    "holds": Condition(holds, "its text holds what matches a regular expression", takes_argument=True),
    "same-as": Condition(same_as, "its text is that of a template with other holes", takes_argument=True),
    "differs": Condition(differs, "its text is not that of a template with other holes", takes_argument=True),
    "below": Condition(below, "a number below another", takes_argument=True),
    "simple": Condition(simple, "a name or chain of members, without effect when it is evaluated"),
    "comparison": Condition(comparison, "0 or 1 by its form"),
    "fits-a-test": Condition(fits_a_test, "arguments short enough for a test"),
    "one-line": Condition(one_line, "it stands on one line"),
}
