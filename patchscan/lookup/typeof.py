"""The declared type of an expression in a function, where variables and members tell it without calculating."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from patchscan.basics.pattern import pattern
from patchscan.c.filelevel import Statement, statements_naming
from patchscan.c.function import Function, Variable
from patchscan.c.source import parse
from patchscan.context import ChangedFile, Context
from patchscan.lookup.meaning import Meaning, meaning_in

if TYPE_CHECKING:
    from tree_sitter import Node

_STRUCT = pattern(r"(?:const |volatile )*(struct|union) (\w+)(?: const)?\s*(\**)\s*(\[\])?")
_NAME = pattern(r"[A-Za-z_]\w*")
# One declarator, without attributes.
_DECLARES = pattern(
    r"(?:(?:static|extern|const|volatile|struct|union|unsigned|signed)\s+)*[a-z]\w*(?:\s+(?:long|int|char))*[\s*]+"
)
_TABLE = pattern(r"\s*\[[^\]]*\]\s*\[")
_QUALIFIER = pattern(r"\b(?:const|volatile|static|register|__iomem|__user|__rcu|__percpu|__force)\b")
_SPACED_STARS = pattern(r"\* (?=\*)")
# Types whose every definition is an integer; a bool takes a pointer, too.
_INTEGER = pattern(
    r"(?:__)?[us](?:8|16|32|64)|u?int(?:8|16|32|64)_t|(?:unsigned |signed )?(?:char|short|int|long|long long)(?: int)?|"
    r"unsigned|size_t|ssize_t|loff_t|off_t|sector_t|dma_addr_t|phys_addr_t|resource_size_t|pgoff_t|blkcnt_t|ino_t"
)
# Calls whose result has a type that formats and calculations fall over.
_RESULTS = {"resource_size": "resource_size_t", "strlen": "size_t", "ARRAY_SIZE": "size_t"}


class Types:
    """Asks for types in one function; known: its variables, where it is not whole."""

    def __init__(self, meaning: Meaning, function: Function, known: Sequence[Variable] = ()) -> None:
        self.meaning = meaning
        self.function = function
        self.text = meaning.text or function.source.text
        self.variables: dict[str, str] = {}
        self.const: set[str] = set()
        twice: set[str] = set()
        for each in (*function.parameters, *function.locals, *known):
            if each.name in self.variables and self.variables[each.name] != plain(each.type):
                twice.add(each.name)
            self.variables[each.name] = plain(each.type)
            if _leads_to_const(each.type):
                self.const.add(each.name)
        for name in twice:
            self.variables[name] = ""
        self._outside: dict[str, str] = {}

    def of(self, node: "Node") -> str:
        """The type as declared, without qualifiers ("struct page *", "u64"), "" where it is not known."""
        source = self.function.source
        if node.type == "parenthesized_expression" and node.named_child_count == 1:
            return self.of(node.named_children[0])
        if node.type == "identifier":
            name = source.text_of(node)
            return self.variables[name] if name in self.variables else self._of_file(name)
        if node.type == "cast_expression":
            kind = node.child_by_field_name("type")
            return plain(source.text_of(kind)) if kind is not None else ""
        if node.type == "sizeof_expression":
            return "size_t"
        if node.type == "call_expression":
            return _RESULTS.get(self.function.call(node).name, "")
        if node.type == "field_expression":
            return self._member(node)
        argument = node.child_by_field_name("argument")
        if node.type == "pointer_expression" and argument is not None:
            inner = self.of(argument)
            if source.text_of(node).startswith("&"):
                return f"{inner} *".replace("* *", "**") if inner and "[]" not in inner else ""
            return pointed_to(inner)
        if node.type == "subscript_expression" and argument is not None:
            return pointed_to(self.of(argument))
        return ""

    def written(self, node: "Node") -> str:
        """An expression as it is written, on one line."""
        return " ".join(self.function.source.text_of(node).split())

    def is_through_pointer(self, node: "Node") -> bool:
        """Whether an expression is a member of what a pointer leads to: one behind "->"."""
        outer, field = node.child_by_field_name("argument"), node.child_by_field_name("field")
        if outer is None or field is None:
            return False
        return self.function.source.text[outer.end_byte : field.start_byte].strip() == b"->"

    def leads_to_const(self, node: "Node") -> bool:
        """Whether a value plainly is a pointer to what is const: a variable declared so, or the address of one."""
        text = self.function.source.text_of(node)
        name = text.removeprefix("&").strip()
        if not _NAME.fullmatch(name):
            return False
        if name in self.variables:
            pointer = "*" in self.variables[name]
            return name in self.const and pointer != text.startswith("&")
        kind = self._of_file(name)
        found = [each for each in statements_naming(self.text, name) if each.kind == "variable"]
        heads = [self.text[each.start : each.name_start].decode("latin-1") for each in found] if kind else []
        direct = "*" not in kind and (text.startswith("&") or kind.endswith("[]"))
        pointer = kind.count("*") == 1 and not text.startswith("&") and "[]" not in kind
        return bool(heads) and (direct or pointer) and all(_leads_to_const(each) for each in heads)

    def _of_file(self, name: str) -> str:
        """The type of a variable outside functions; where macros make or attributes change it, it is not known."""
        if name not in self._outside:
            found = [each for each in statements_naming(self.text, name) if each.kind != "prototype"]
            kinds = {_declared_type(self.text, each) for each in found}
            self._outside[name] = kinds.pop() if len(kinds) == 1 else ""
        return self._outside[name]

    def _member(self, node: "Node") -> str:
        outer, field = node.child_by_field_name("argument"), node.child_by_field_name("field")
        if outer is None or field is None:
            return ""
        struct = _STRUCT.fullmatch(self.of(outer))
        if struct is None or len(struct[3]) != (1 if self.is_through_pointer(node) else 0) or struct[4]:
            return ""
        found = self.meaning.struct(struct[2], self.text)
        members = found[1].named(self.function.source.text_of(field)) if found is not None else ()
        kinds = {plain(each.type) for each in members}
        return kinds.pop() if len(kinds) == 1 else ""


def _leads_to_const(kind: str) -> bool:
    """Whether a declared type is const, or a pointer to what is."""
    return kind.count("*") <= 1 and "const" in kind.partition("*")[0].split()


def _declared_type(text: bytes, variable: Statement) -> str:
    head = text[variable.start : variable.name_start].decode("latin-1")
    tail = text[variable.name_start + len(variable.name) : variable.end].decode("latin-1")
    if variable.kind != "variable" or _DECLARES.fullmatch(head) is None or _TABLE.match(tail):
        return ""
    return plain(head) + (" []" if variable.array else "")


def is_integer(kind: str) -> bool:
    """Whether a type is an integer, whatever the configuration."""
    return _INTEGER.fullmatch(kind) is not None


def types_in(context: Context, file: ChangedFile, function: Function) -> Types:
    """What is known of types in a function that a patch touches; of a piece of one, what the tree's whole one has."""
    meaning = meaning_in(context, file)
    known: tuple[Variable, ...] = ()
    if not function.whole and meaning.text:
        whole = parse(meaning.text, file.path).function_named(function.name)
        known = (*whole.parameters, *whole.locals) if whole is not None else ()
    return Types(meaning, function, known)


def plain(kind: str) -> str:
    """A type without qualifiers and with one space before its stars."""
    shown = " ".join(_QUALIFIER.sub(" ", kind).replace("*", " * ").split())
    return _SPACED_STARS.sub("*", shown)


def pointed_to(kind: str) -> str:
    """What a pointer or array of a type leads to, "" where it is none."""
    if kind.endswith("[]"):
        return kind.removesuffix("[]").strip()
    return kind.removesuffix("*").strip() if kind.endswith("*") else ""
