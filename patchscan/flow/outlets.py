"""What a condition asks: its parts, whether it leads out, and which variables a part keeps within bounds."""

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from patchscan.basics.nameset import Names
from patchscan.basics.pattern import pattern
from patchscan.c.source import Function

if TYPE_CHECKING:
    from tree_sitter import Node

_LEAVES = ("return_statement", "goto_statement", "break_statement", "continue_statement")
_ORDERS = ("<", ">", "<=", ">=")
# They measure, or hand on what they are given, and ask nobody.
_MEASURES = Names(
    "sizeof likely unlikely WARN_ON* ARRAY_SIZE offsetof{,end} struct_size{,_t} min{,3,_t} max{,3,_t} BIT GENMASK "
    "{be,le}{16,32,64}_to_cpu{,p} ntoh{s,l} size_{add,mul,sub} flex_array_size IS_ERR{,_OR_NULL}"
)
_MACRO = pattern(r"[A-Z][A-Z0-9_]+")
_SIZE = pattern(r"(.*(->|\.))?(\w*_)?(len|length|size|sz|count|bytes)")
# They tell whether something fits, and what follows relies on it.
_GUARDS = Names(
    "check_{add,sub,mul,shl}_overflow access_ok pskb_{,network_,inet_}may_pull skb_ensure_writable "
    "skb_cow{,_head,_data}"
)
_WORD = pattern(r"[A-Za-z_]\w*")
_PATH = pattern(r"[a-z_]\w*((->|\.)\w+|\[\w+\])*")
_STATUS = pattern(r"ret|retval|err|error|rc|rv|res|result|status|r")


def leads_out(node: "Node") -> bool:
    """Whether an if without an else ends by leaving what it stands in."""
    inside = node.child_by_field_name("consequence")
    if inside is None or node.child_by_field_name("alternative") is not None:
        return False
    statements = [each for each in inside.named_children if each.type != "comment"]
    last = inside if inside.type != "compound_statement" else statements[-1] if statements else None
    return last is not None and last.type in _LEAVES


def leads_to_failure(node: "Node") -> bool:
    """Whether an if leads out of the function, or to where it cleans up."""
    return leads_out(node) and (
        (inside := node.child_by_field_name("consequence")) is not None
        and [each for each in (inside, *inside.named_children) if each.type in _LEAVES][-1].type
        in _LEAVES[:2]
    )


def atoms(node: "Node") -> Iterator["Node"]:
    """The parts of a condition between && and ||."""
    if node.type == "parenthesized_expression":
        for each in node.named_children:
            yield from atoms(each)
    elif node.type == "binary_expression" and _operator(node) in ("&&", "||"):
        for name in ("left", "right"):
            part = node.child_by_field_name(name)
            if part is not None:
                yield from atoms(part)
    elif node.type == "call_expression" and not _is_guard(node):
        for each in node.named_children:
            if each.type == "argument_list":
                for inner in each.named_children:
                    yield from atoms(inner)
    else:
        yield node


def _is_guard(node: "Node") -> bool:
    callee = node.child_by_field_name("function")
    return callee is not None and callee.text is not None and callee.text.decode(errors="replace") in _GUARDS


def _operator(node: "Node") -> str:
    operator = node.child_by_field_name("operator")
    return operator.type if operator is not None else ""


def asks_others(function: Function, condition: "Node") -> bool:
    """Whether a condition calls something that may tell more than a number does."""
    return any(
        call.name not in _MEASURES and call.name not in _GUARDS and not _MACRO.fullmatch(call.name)
        for call in function.calls_in(condition)
    )


def bounded(function: Function, before: Function, atom: "Node", place: int) -> str:
    """The variable or member that a part of a condition keeps within bounds, "" where it does not.

    place: from where on it is used in the function after the change.
    """
    text = text_in(before, atom)
    guard = atom.child_by_field_name("argument") if atom.type == "unary_expression" else atom
    if guard is not None and guard.type == "call_expression" and before.call(guard).name in _GUARDS:
        return next(
            iter(_paths(text_in(before, before.call(guard).arguments[-1 if "overflow" in text else 0]))), ""
        )
    if atom.type == "unary_expression" or text.endswith(" == 0"):
        found = _PATH.fullmatch(text.removeprefix("!").removesuffix(" == 0"))
        return found.group() if found and _divides(function, found.group(), place) else ""
    if atom.type != "binary_expression" or _operator(atom) not in _ORDERS:
        return ""
    function = before
    sides = [atom.child_by_field_name(name) for name in ("left", "right")]
    texts = [found for side in sides if side is not None for found in _paths(text_in(function, side))]
    return next((each for each in texts if not _STATUS.fullmatch(each)), "")


def asks_least(function: Function, atom: "Node", subject: str) -> bool:
    """Whether a comparison asks for a least length of what follows, by its name."""
    left = atom.child_by_field_name("left")
    return (
        left is not None
        and _operator(atom) in ("<", "<=")
        and text_in(function, left) == subject
        and _SIZE.fullmatch(subject) is not None
    )


def _divides(function: Function, subject: str, place: int) -> bool:
    """Whether a function divides by something, or takes 1 from it, behind a line."""
    wanted = re.compile(
        rf"[/%]=? ?{re.escape(subject)}(?!\w|->|\.|\[)|(?<![\w.>]){re.escape(subject)} ?- ?1\b"
    )
    lines = range(place, function.last_line + 1)
    return any(wanted.search(" ".join(function.source.code_text(line).split())) for line in lines)


def _paths(text: str) -> list[str]:
    """The variables and members in an expression; what is called is none."""
    return [
        match.group() for match in _PATH.finditer(text) if not text[match.end() :].startswith(("(", " ("))
    ]


def asked_in(function: Function) -> frozenset[str]:
    """The texts of all parts of the conditions of a function."""
    found: set[str] = set()
    for node in function.nodes("if_statement", "while_statement", "for_statement", "conditional_expression"):
        condition = node.child_by_field_name("condition")
        if condition is not None:
            found.update(text_in(function, atom) for atom in atoms(condition))
    return frozenset(found)


def use_behind(function: Function, subject: str, first: int) -> int:
    """The first line from one on that uses a variable or member, 0 where none does."""
    wanted = re.compile(rf"(?<![\w.>]){re.escape(subject)}(?!\w)")
    for line in range(first, function.last_line + 1):
        text = function.source.code_text(line)
        if wanted.search(" ".join(text.split())):
            return line
    return 0


def words_asked(function: Function, node: "Node") -> frozenset[str]:
    called = {call.name for call in function.calls_in(node)}
    words: Sequence[str] = _WORD.findall(text_in(function, node))
    return frozenset(each for each in words if not each.isupper() and each not in called)


def text_in(function: Function, node: "Node") -> str:
    return " ".join(function.source.text_of(node).split())
