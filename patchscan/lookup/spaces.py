"""The address space that a pointer leads into, as sparse sees it: __iomem, __user, __percpu or the kernel's own."""

from typing import TYPE_CHECKING

from patchscan.basics.pattern import pattern
from patchscan.c.function import Variable
from patchscan.lookup.typeof import Types

if TYPE_CHECKING:
    from tree_sitter import Node

KERNEL = "kernel"
_SPACE = pattern(r"\b__(iomem|user|percpu)\b")
# RCU's mark changes in place, and the others say nothing of where the memory is.
_UNSURE = pattern(r"\b__(?:rcu|force)\b|\(|\[")
# Marks ahead of a type are no part of the declaration's node.
_AHEAD = pattern(r"(?:\b__\w+\s+)+$")
_BEFORE_STAR = pattern(r"[^*]*\*\s*(?:const\s*)?")
_MAPPED = pattern(
    r"(?:devm_)?(?:platform_)?(?:get_and_)?ioremap(?:_\w+)?|devm_platform_(?:get_and_)?ioremap_resource\w*|"
    r"of_iomap|devm_of_iomap|pcim?_iomap(?:_\w+)?|pcim_iomap_region\w*"
)
_ALLOCATED = pattern(
    r"(?:devm_)?k[mzc]alloc(?:_array|_node)?|devm_kmemdup|kmemdup|kv?[mz]alloc|v[mz]alloc|dmam?_alloc_coherent"
)
_USER = frozenset(("u64_to_user_ptr", "compat_ptr", "as_user_ptr"))


def space(types: Types, node: "Node | None") -> str:
    """Where the memory is that a pointer leads to: "iomem", "user", "percpu" or KERNEL; "" where it is not sure.

    Source: Documentation/dev-tools/sparse.rst; include/linux/compiler_types.h.
    """
    while node is not None and node.type == "parenthesized_expression" and node.named_child_count == 1:
        node = node.named_children[0]
    if node is None:
        return ""
    text = types.function.source.text_of
    if node.type == "identifier":
        return _of_variable(types, text(node))
    if node.type == "field_expression":
        return _of_member(types, node)
    if node.type == "cast_expression":
        kind = text(node).partition(")")[0].strip("( ")
        return declared_space(kind.replace("__force", " "))
    if node.type == "call_expression":
        return _returned(types.function.call(node).name)
    left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
    if node.type == "binary_expression" and right is not None:
        operator = node.child_by_field_name("operator")
        moves = operator is not None and text(operator) in ("+", "-") and not types.of(right).endswith("*")
        return space(types, left) if moves else ""
    argument = node.child_by_field_name("argument")
    if node.type == "pointer_expression" and argument is not None and text(node).startswith("&"):
        return place(types, argument)
    return ""


def place(types: Types, node: "Node") -> str:
    """Where an object is that is named by a path of members: see space(); "" of one whose path is not plain."""
    outer = node.child_by_field_name("argument")
    if node.type == "identifier":
        names = {each.name for each in (*types.function.parameters, *types.function.locals)}
        return KERNEL if types.function.source.text_of(node) in names else ""
    if node.type == "subscript_expression" and outer is not None:
        return place(types, outer) if types.of(outer).endswith("[]") else space(types, outer)
    if node.type != "field_expression" or outer is None:
        return ""
    return space(types, outer) if types.is_through_pointer(node) else place(types, outer)


def declared_space(kind: str) -> str:
    """The space of a declared type: of a pointer of one level that is plain to read."""
    stars = kind.count("*")
    if stars != 1 or _UNSURE.search(kind):
        return ""
    before = _BEFORE_STAR.match(kind)
    found = _SPACE.findall(kind)
    if not found:
        return KERNEL
    return found[0] if len(found) == 1 and before is not None and f"__{found[0]}" in before[0] else ""


def written_type(types: Types, variable: Variable) -> str:
    """The type of a parameter or local variable with the marks that its declaration has, "" where it has no name."""
    source = types.function.source
    outer: Node | None = variable.node
    while outer is not None and outer.type not in ("declaration", "parameter_declaration"):
        outer = outer.parent
    if outer is None:
        return ""
    first = outer.child_by_field_name("declarator") or variable.node
    ahead = _AHEAD.search(source.text[max(outer.start_byte - 60, 0) : outer.start_byte].decode("latin-1"))
    base = (ahead[0] if ahead else "") + source.text[outer.start_byte : first.start_byte].decode("latin-1")
    before, _, behind = source.text_of(variable.node).partition("=")[0].partition(variable.name)
    return base + before + behind


def _of_variable(types: Types, name: str) -> str:
    own = [each for each in (*types.function.parameters, *types.function.locals) if each.name == name]
    found = {declared_space(written_type(types, each)) for each in own}
    return found.pop() if len(found) == 1 else ""


def _of_member(types: Types, node: "Node") -> str:
    outer, field = node.child_by_field_name("argument"), node.child_by_field_name("field")
    if outer is None or field is None:
        return ""
    words = types.of(outer).split()
    if len(words) < 2 or words[0] not in ("struct", "union"):
        return ""
    found = types.meaning.struct(words[1], types.text)
    members = found[1].named(types.function.source.text_of(field)) if found is not None else ()
    kinds = {declared_space(each.type) for each in members}
    return kinds.pop() if len(kinds) == 1 else ""


def _returned(name: str) -> str:
    if _MAPPED.fullmatch(name):
        return "iomem"
    if name in _USER:
        return "user"
    return KERNEL if _ALLOCATED.fullmatch(name) else ""
