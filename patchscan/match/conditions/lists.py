"""Conditions on initialisers, tables and structs."""

import re
from typing import TYPE_CHECKING

from patchscan.basics.keep import kept
from patchscan.basics.pattern import pattern
from patchscan.c.source import Source
from patchscan.c.syntax import descendants
from patchscan.match.answer import YES, Answer, no, unknown, when
from patchscan.match.place import Condition, Place
from patchscan.match.row import Wish

if TYPE_CHECKING:
    from tree_sitter import Node

_LAID_OUT = pattern(r"\b__(?:le|be)\d+\b|\b__packed\b")
_ATTRIBUTE_BEHIND = pattern(r"\s*(?:__packed|__attribute__|__aligned)")
_MODULE_EXIT = pattern(rb"\bmodule_exit\(\s*(\w+)\s*\)")


def declaration_of(node: "Node") -> "Node | None":
    """The declaration whose initialiser holds a node."""
    found: Node | None = node
    while found is not None and found.type != "declaration":
        found = found.parent
    return found


def initialiser_of(place: Place, wish: Wish) -> Answer:
    """In the initialiser of a variable whose type matches a regular expression."""
    declaration = declaration_of(place.match.nodes[0])
    kind = declaration.child_by_field_name("type") if declaration is not None else None
    if declaration is None or kind is None:
        return no("it is no part of an initialiser")
    source = place.match.source
    if source.fragment is not None and declaration.start_byte < source.fragment.head:
        return unknown("the hunk does not show what is initialised")
    text = " ".join(source.text_of(kind).split())
    return when(re.fullmatch(wish.argument, text) is not None, f"it initialises {text}")


def ends_list(place: Place, wish: Wish) -> Answer:
    """The last element of a list, and a comma behind it."""
    following = place.match.nodes[-1].next_sibling
    while following is not None and following.type == "comment":
        following = following.next_sibling
    if following is None or following.type != ",":
        return no("no comma follows")
    following = following.next_sibling
    while following is not None and following.type == "comment":
        following = following.next_sibling
    fragment = place.match.source.fragment
    if fragment is not None and (following is None or following.start_byte >= fragment.tail):
        return unknown("the hunk does not show whether the list ends there")
    return when(following is not None and following.type == "}", "the list goes on")


def under_no_if(place: Place, wish: Wish) -> Answer:
    """A variable that the same file defines, under no #if but those around the mention."""
    source, name = place.match.source, place.text(wish)
    if source.fragment is not None:
        return unknown(f"the hunk does not show where {name} is defined")
    form = re.compile(rb"\b" + re.escape(name.encode()) + rb"\s*\[[^\]\n]*\]\s*(?:\w+\s*)*=")
    found = form.search(source.code)
    if found is None:
        return no(f"{name} is defined elsewhere")
    around = source.conditions_at(source.line_at(found.start()))
    here = source.conditions_at(source.line_of(place.match.nodes[0]))
    extra = [each for each in around if each not in here]
    return YES if not extra else no(f"{name} is only there under an #if")


def in_member(place: Place, wish: Wish) -> Answer:
    """In the initialiser of a member, `.driver = { ... }`, with nothing between that begins another object."""
    node = place.match.nodes[0].parent
    while node is not None and node.type not in (
        "initializer_pair",
        "declaration",
        "compound_literal_expression",
    ):
        node = node.parent
    if node is None or node.type != "initializer_pair":
        return no(f"it is not in .{wish.argument}")
    name = place.match.source.text_of(node).partition("=")[0].strip().lstrip(".")
    return when(name == wish.argument, f"it is in .{name}")


def only_flag(place: Place, wish: Wish) -> Answer:
    """The only bit field of a struct that describes no bytes on a wire or in a device."""
    node = place.match.nodes[0]
    members = node.parent
    if members is None or members.type != "field_declaration_list":
        return no("it is no member")
    source = place.match.source
    if source.fragment is not None:
        shown = members.start_byte >= source.fragment.head and members.end_byte <= source.fragment.tail
        if not shown:
            return unknown("the hunk does not show the other members")
    if place.file.path.startswith("include/uapi/"):
        return no("the struct is shared with user space")
    laid_out, fields = _fields(source, members)
    if laid_out:
        return no("the struct describes bytes in a fixed order")
    behind = source.code[members.end_byte : members.end_byte + 60].decode("utf-8", "surrogateescape")
    if _ATTRIBUTE_BEHIND.match(behind):
        return no("the struct describes bytes in a fixed order")
    return when(fields == 1, "it shares its word with other bit fields")


@kept
def _fields(source: Source, members: "Node") -> tuple[bool, int]:
    """Whether the members of a struct stand in a fixed order, and how many bit fields are among them."""
    text = source.code[members.start_byte : members.end_byte].decode("utf-8", "surrogateescape")
    fields = sum(each.type == "bitfield_clause" for child in members.children for each in child.children)
    return _LAID_OUT.search(text) is not None, fields


def ends_struct(place: Place, wish: Wish) -> Answer:
    """The last member of a struct that has others before it, and no part of a union."""
    node = place.match.nodes[0]
    members = node.parent
    if members is None or members.type != "field_declaration_list" or members.parent is None:
        return no("it is no member")
    fields = [each for each in members.named_children if each.type != "comment"]
    if members.parent.type != "struct_specifier" or fields[-1] != node or len(fields) == 1:
        return no("other members follow, or none comes before")
    fragment = place.match.source.fragment
    if fragment is not None and members.end_byte > fragment.tail:
        return unknown("the hunk does not show what follows")
    return YES


def declaration_lacks(place: Place, wish: Wish) -> Answer:
    """Nothing in the declaration around matches a regular expression."""
    declaration = declaration_of(place.match.nodes[0])
    if declaration is None:
        return no("it is no part of an initialiser")
    source = place.match.source
    text = source.text_of(declaration)
    found = re.search(wish.argument, text)
    if found is not None:
        return no(f"another entry holds {' '.join(found[0].split())}")
    fragment = source.fragment
    if fragment is not None and (
        declaration.start_byte < fragment.head or declaration.end_byte > fragment.tail
    ):
        return unknown("the hunk does not show the other entries")
    return YES


def members_of_one_type(place: Place, wish: Wish) -> Answer:
    """A union of two members or more that are all declared with the same type."""
    union = next((each for each in descendants(place.match.nodes[0]) if each.type == "union_specifier"), None)
    body = union.child_by_field_name("body") if union is not None else None
    if body is None:
        return no("it is no union with members")
    source = place.match.source
    fragment = source.fragment
    if fragment is not None and (body.start_byte < fragment.head or body.end_byte > fragment.tail):
        return unknown("the hunk does not show all members")
    fields = [each for each in body.named_children if each.type == "field_declaration"]
    kinds = set()
    for each in fields:
        names = [leaf for leaf in descendants(each) if leaf.type == "field_identifier"]
        if len(names) != 1 or any(leaf.type == "field_declaration_list" for leaf in descendants(each)):
            return no("the members have several types")
        text = source.text_of(each)
        kinds.add("".join(text.replace(source.text_of(names[0]), "", 1).split()))
    return when(len(fields) > 1 and len(kinds) == 1, "the members have several types")


def body_only_frees(place: Place, wish: Wish) -> Answer:
    """A function of the file that finds the object around its argument and frees it with kfree() or kvfree()."""
    source, name = place.match.source, place.text(wish)
    function = next((each for each in source.functions() if each.name == name and each.whole), None)
    if function is None:
        return unknown(f"{name}() is not in sight")
    calls = [call for call in function.calls() if call.name != "container_of"]
    if len(calls) != 1 or calls[0].name not in ("kfree", "kvfree"):
        return no(f"{name}() does more than free")
    freed = source.text_of(calls[0].node)
    return when("->" not in freed, f"{name}() frees what the object points to")


def exit_only_unregisters(place: Place, wish: Wish) -> Answer:
    """The module's exit function, where there is one, has one statement."""
    source = place.match.source
    if source.fragment is not None:
        return unknown("the hunk does not show the exit function")
    found = _MODULE_EXIT.search(source.code)
    if found is None:
        return YES
    function = source.function_named(found[1].decode())
    statements = [each for each in function.body.named_children if each.type != "comment"] if function else []
    return when(len(statements) == 1, "the exit function does more than unregister")


CONDITIONS = {
    "declaration-lacks": Condition(
        declaration_lacks, "nothing in the declaration matches a regular expression", takes_argument=True
    ),
    "members-of-one-type": Condition(members_of_one_type, "a union whose members have one type"),
    "body-only-frees": Condition(body_only_frees, "a function of the file that only frees the object"),
    "exit-only-unregisters": Condition(exit_only_unregisters, "the exit function has one statement"),
    "in-member": Condition(in_member, "directly in the initialiser of a member", takes_argument=True),
    "only-flag": Condition(
        only_flag, "the only bit field of a struct that describes no bytes in a fixed order"
    ),
    "initialiser-of": Condition(
        initialiser_of,
        "in the initialiser of a variable whose type matches a regular expression",
        takes_argument=True,
    ),
    "ends-list": Condition(ends_list, "the last element of a list, with a comma behind it"),
    "ends-struct": Condition(ends_struct, "the last of several members of a struct"),
    "under-no-if": Condition(under_no_if, "an array that the file defines under no #if"),
}
