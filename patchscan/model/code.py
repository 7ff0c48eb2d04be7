"""The C code a model is extracted from: functions, macros and types by name, seen through a configuration."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from tree_sitter import Node

from patchscan.model.assembly import as_c, has_macros
from patchscan.model.config import Config, resolve, without_comments
from patchscan.model.syntax import children, parse_function
from patchscan.source.lexical import closing

_HEADER = re.compile(
    rb"^(?!(?:if|while|for|switch|return|else|do)\b)(?:[A-Za-z_][\w \t*]*[ \t*])??(\w+)[ \t]*\(", re.M
)
_OUTER = re.compile(
    rb"^(?:[A-Za-z_](?:[^\n(;=]*[^\w\n(;=])?(\w+)[ \t]*\(|[ \t]*#[ \t]*define[ \t]+(\w+)\()", re.M
)
_MACRO = re.compile(rb"^[ \t]*#[ \t]*define[ \t]+(\w+)\(([^)\n]*)\)((?:[^\\\n]|\\\n|\\.)*)", re.M)
_ALIAS = re.compile(rb"^[ \t]*#[ \t]*define[ \t]+(\w+)[ \t]+(\w+)[ \t]*$", re.M)
_CONSTANT = re.compile(
    rb"^[ \t]*#[ \t]*define[ \t]+(\w+)[ \t]+\(?(0[xX][0-9a-fA-F]+|\d+)[uUlL]*\)?[ \t]*$", re.M
)
_BODY = re.compile(rb"\s*(?:\b\w+(?:\([^()]*\))?\s*)*\{")
_INCLUDE = re.compile(rb"^[ \t]*#[ \t]*include[ \t]*[<\"]([^>\"\n]+)[>\"]", re.M)
_PER_CPU = re.compile(rb"\b(?:DEFINE|DECLARE)_(?:EARLY_)?PER_CPU\w*\(\s*([^;]*?),\s*(\w+)\s*\)")
_GLOBAL = re.compile(
    rb"^(?:(?:static|extern|const|volatile|__\w+)\s+)*((?:struct\s+\w+|\w+_t|int|bool|unsigned(?:\s+\w+)?|long|u64|u32)"
    rb"[\s*]+)(\w+)(?:\[[^\]]*\])?\s*(?:__\w+\s*)*(?:=|;)",
    re.M,
)
_STRUCT = re.compile(rb"\b(?:struct|union)\s+(\w+)\s*\{")
_MEMBER = re.compile(rb"(?P<name>\w+)[ \t]*(?P<array>(?:\[[^\]]*\])*)[ \t]*(?::[ \t]*\w+[ \t]*)?\Z")
_BRACE = re.compile(rb"[{}]|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'")
_WORD = re.compile(rb"\b[A-Za-z_]\w*\b")
_CALLED = re.compile(rb"\b([A-Za-z_]\w*)[ \t]*\(")


@dataclass(frozen=True, eq=False)
class Definition:
    """A function, or a function-like macro or stub (by_name: its parameters are bound as written, not by value).

    text: its bytes, comments blanked; node: its syntax tree; first_line: in the file; parameters: (type, name);
    result: its result type; lifted: True when it was taken from a patch's text, not from the tree.
    """

    name: str
    path: str
    first_line: int
    text: bytes
    node: Node
    parameters: tuple[tuple[str, str], ...]
    result: str
    by_name: bool = False
    stub: bool = False

    def text_of(self, node: Node) -> str:
        """The C text of a node."""
        return self.text[node.start_byte : node.end_byte].decode("latin-1")

    def line_of(self, node: Node) -> int:
        """The line of a node in the file."""
        return self.first_line + node.start_point[0]

    @property
    def body(self) -> Node | None:
        return self.node.child_by_field_name("body")

    @cached_property
    def identifiers(self) -> frozenset[str]:
        """Every identifier in the text, its own name left out."""
        return frozenset(word.decode() for word in _WORD.findall(self.text)) - {self.name}

    @cached_property
    def called(self) -> tuple[str, ...]:
        """Names in front of a parenthesis, sorted."""
        return tuple(sorted({name.decode() for name in _CALLED.findall(self.text)} - {self.name}))


def names_at_line_starts(text: bytes) -> set[str]:
    """Names in front of a parenthesis on lines that begin at column 0: what a file may define, read quickly."""
    return {(name or macro).decode() for name, macro in _OUTER.findall(text)}


def number(text: str) -> int:
    """A C integer literal without suffix; raises ValueError for anything else."""
    octal = len(text) > 1 and text[0] == "0" and text.isdigit()
    return int(text, 8 if octal else 0)


def declared(base: str, declarator: Node | None, text_of: Callable[[Node], str]) -> tuple[str, str]:
    """(type, name) of one declarator; the type has its pointer stars behind a space: "pmd_t *"."""
    stars = ""
    while declarator is not None and declarator.type != "identifier":
        if "pointer" in declarator.type:
            stars += "*"
        elif "array" in declarator.type:
            stars += "[]"
        inner = declarator.child_by_field_name("declarator")
        declarator = inner if inner is not None else next(reversed(declarator.named_children), None)
    kind = " ".join(base.split()) + (" " + stars if stars else "")
    return kind, text_of(declarator) if declarator is not None else ""


class File:
    """One file of the code base, indexed by name."""

    def __init__(self, path: str, text: bytes, config: Config) -> None:
        self.path = path
        self.includes = tuple(name.decode("latin-1") for name in _INCLUDE.findall(text))
        self.text = without_comments(resolve(as_c(text) if has_macros(text) else text, config))
        self._definitions: dict[tuple[str, bool], Definition | None] = {}

    @cached_property
    def functions(self) -> dict[str, tuple[int, int]]:
        """Name to (start of the definition, start of its body)."""
        found: dict[str, tuple[int, int]] = {}
        for header in _HEADER.finditer(self.text):
            end = closing(self.text, header.end())
            opens = _BODY.match(self.text, end + 1) if end >= 0 else None
            if opens and b";" not in self.text[header.end() : end]:
                start = _with_type(self.text, header.start(), header.start(1))
                found.setdefault(header.group(1).decode(), (start, opens.end()))
        return found

    @cached_property
    def macros(self) -> dict[str, re.Match[bytes]]:
        return {found.group(1).decode(): found for found in reversed(list(_MACRO.finditer(self.text)))}

    @cached_property
    def aliases(self) -> dict[str, str]:
        """Object-like macros that stand for one other identifier."""
        pairs = {a.decode(): b.decode() for a, b in _ALIAS.findall(self.text) if not b[:1].isdigit()}
        return {name: other for name, other in pairs.items() if name != other}

    @cached_property
    def constants(self) -> dict[str, int]:
        return {name.decode(): number(text.decode()) for name, text in _CONSTANT.findall(self.text)}

    @cached_property
    def globals(self) -> dict[str, str]:
        """Global and per-CPU variables to their types."""
        types = {name.decode(): " ".join(kind.decode().split()) for kind, name in _GLOBAL.findall(self.text)}
        types.update((n.decode(), " ".join(k.decode().split())) for k, n in _PER_CPU.findall(self.text))
        return types

    @cached_property
    def structs(self) -> dict[str, dict[str, str]]:
        """Structure name to field name to type."""
        found: dict[str, dict[str, str]] = {}
        for opens in _STRUCT.finditer(self.text):
            body = self.text[opens.end() : _closing_brace(self.text, opens.end())]
            found.setdefault(opens.group(1).decode(), dict(_members(body)))
        return found

    def is_static(self, name: str) -> bool:
        start, body = self.functions[name]
        return b"static" in self.text[start:body]

    def is_weak(self, name: str) -> bool:
        start, body = self.functions[name]
        return b"__weak" in self.text[start:body]

    def function(self, name: str) -> Definition | None:
        """The function of that name, cut out and parsed."""
        return self._cached(name, False, self._cut)

    def macro(self, name: str) -> Definition | None:
        """The function-like macro of that name as a definition whose parameters are bound as written."""
        return self._cached(name, True, self._expand)

    def _cached(self, name: str, macro: bool, make: Callable[[str], Definition | None]) -> Definition | None:
        key = (name, macro)
        if key not in self._definitions:
            self._definitions[key] = make(name)
        return self._definitions[key]

    def _cut(self, name: str) -> Definition | None:
        return define(name, self.path, *self.cut(name)) if name in self.functions else None

    def cut(self, name: str) -> tuple[int, bytes]:
        """The first line and the text of a function that is there."""
        start, body = self.functions[name]
        return self.text.count(b"\n", 0, start) + 1, self.text[start : _closing_brace(self.text, body)]

    def _expand(self, name: str) -> Definition | None:
        found = self.macros.get(name)
        if found is None:
            return None
        body = found.group(3).replace(b"\\\n", b"  ").strip()
        parameters = tuple(
            part.strip() for part in found.group(2).decode("latin-1").split(",") if part.strip()
        )
        statement = body.startswith((b"do", b"{", b"if", b"while", b"for")) or not body
        text = b"%s %s(){ %s%s; }" % (
            b"void" if statement else b"long",
            name.encode(),
            b"" if statement else b"return ",
            body,
        )
        line = self.text.count(b"\n", 0, found.start()) + 1
        return define(name, self.path, line, text, tuple(("", part) for part in parameters))


def define(
    name: str,
    path: str,
    first_line: int,
    text: bytes,
    parameters: tuple[tuple[str, str], ...] | None = None,
    stub: bool = False,
) -> Definition | None:
    """Parse one definition; parameters given: bound as written. None when it does not parse as a function."""
    node = parse_function(text)
    if node is None or node.child_by_field_name("body") is None:
        return None
    by_name = parameters is not None

    def text_of(inner: Node) -> str:
        return text[inner.start_byte : inner.end_byte].decode("latin-1")

    if parameters is None:
        parameters = tuple(_parameters(node, text_of))
    kind = node.child_by_field_name("type")
    result, _ = declared(text_of(kind) if kind else "", node.child_by_field_name("declarator"), text_of)
    return Definition(name, path, first_line, text, node, parameters, result, by_name, stub)


def _parameters(node: Node, text_of: Callable[[Node], str]) -> Iterable[tuple[str, str]]:
    """(type, name) of each parameter of a function definition."""
    declarator = node.child_by_field_name("declarator")
    while declarator is not None and declarator.type != "function_declarator":
        declarator = declarator.child_by_field_name("declarator")
    listed = declarator.child_by_field_name("parameters") if declarator is not None else None
    for parameter in children(listed) if listed is not None else ():
        kind = parameter.child_by_field_name("type")
        if parameter.type == "parameter_declaration" and kind is not None:
            yield declared(text_of(kind), parameter.child_by_field_name("declarator"), text_of)


def _members(body: bytes) -> Iterable[tuple[str, str]]:
    """(name, type) of each field in a structure's body, those of its inner structures included."""
    for piece in body.split(b";"):
        piece = re.split(rb"[{}]", piece)[-1].strip()
        found = _MEMBER.search(piece)
        kind = b" ".join(piece[: found.start()].split()) if found else b""
        if found and kind:
            yield (
                found.group("name").decode(),
                kind.decode("latin-1") + (" []" if found.group("array") else ""),
            )


def _closing_brace(text: bytes, start: int) -> int:
    """The end of the block whose brace opened just before start."""
    depth = 1
    for found in _BRACE.finditer(text, start):
        depth += {b"{": 1, b"}": -1}.get(found.group(), 0)
        if not depth:
            return found.end()
    return len(text)


def _with_type(text: bytes, start: int, name: int) -> int:
    """The start of a definition whose type may stand on the line before its name."""
    if text[start:name].strip():
        return start
    before = text.rfind(b"\n", 0, max(0, start - 1)) + 1
    line = text[before:start].strip()
    return before if line and line[-1:] not in b";}{:)" and not line.startswith(b"#") else start


@lru_cache(maxsize=4096)
def indexed(path: str, text: bytes, config: Config) -> File:
    """A file's index; the same for all who see the same text through an equal configuration."""
    return File(path, text, config)


class Codebase:
    """Functions, macros and types by name, looked up the way the compiler would see them, within a scope.

    read: path to bytes or None; files: searched after the file that asks, its direct includes and `changed`;
    arch: for <asm/...>; defining: (directory, function) to the files there that may define it, asked last.
    """

    def __init__(
        self,
        read: Callable[[str], bytes | None],
        files: Sequence[str],
        config: Config,
        changed: Sequence[str] = (),
        arch: str = "x86",
        defining: Callable[[str, str], Sequence[str]] = lambda directory, name: (),
    ) -> None:
        self._read = read
        self.scope = (*changed, *files)
        self._arch = arch
        self._defining = defining
        self.config = config
        self.changed = frozenset(changed)
        self._files: dict[str, File | None] = {}
        self._orders: dict[str, tuple[str, ...]] = {}
        self._callees: dict[tuple[str, str], Definition | None] = {}
        self._functions: dict[tuple[str, str], Definition | None] = {}
        self._numbers: dict[tuple[str, str], int | None] = {}

    def file(self, path: str) -> File | None:
        """The file, indexed; None when the tree does not have it."""
        if path not in self._files:
            text = self._read(path)
            self._files[path] = indexed(path, text, self.config) if text is not None else None
        return self._files[path]

    def order(self, near: str) -> tuple[str, ...]:
        """The files in which a name used in `near` is looked up, nearest first."""
        if near not in self._orders:
            here = self.file(near)
            included = [self._included(name, near) for name in here.includes] if here else []
            self._orders[near] = tuple(dict.fromkeys([near, *filter(None, included), *self.scope]))
        return self._orders[near]

    def _included(self, name: str, near: str) -> str | None:
        """The path of an #include; asm/ is the architecture's, else the generic one."""
        if name.startswith("asm/"):
            candidates = [f"arch/{self._arch}/include/{name}", "include/asm-generic/" + name[4:]]
        else:
            candidates = ["include/" + name, near.rpartition("/")[0] + "/" + name]
        return next((path for path in candidates if self.file(path) is not None), None)

    def function(self, name: str, near: str) -> Definition | None:
        """The function that `name` calls in file `near`."""
        key = (name, near)
        if key not in self._functions:
            self._functions[key] = self._find_function(name, near)
        return self._functions[key]

    def _find_function(self, name: str, near: str) -> Definition | None:
        weak: Definition | None = None
        for path in self.order(near):
            found = self.file(path)
            if found is None or name not in found.functions:
                continue
            if path != near and path.endswith(".c") and found.is_static(name):
                continue
            definition = found.function(name)
            if definition is not None and not found.is_weak(name):
                return definition
            weak = weak or definition
        return weak

    def callee(self, name: str, near: str) -> Definition | None:
        """The function or function-like macro that `name` calls in file `near`."""
        key = (name, near)
        if key not in self._callees:
            self._callees[key] = self._find_callee(name, near)
        return self._callees[key]

    def _find_callee(self, name: str, near: str) -> Definition | None:
        definition = self.function(name, near)
        if definition is not None:
            return definition
        for path in self.order(near):
            found = self.file(path)
            if found is not None and name in found.macros:
                return found.macro(name)
        for path in self.order(near):
            found = self.file(path)
            if found is not None and name in found.aliases and found.aliases[name] != name:
                return self.function(found.aliases[name], near)
        return None

    def elsewhere(self, name: str, near: str) -> Definition | None:
        """The function or macro outside the scope: in the directories of the scope's .c files, in headers."""
        key = (name, "")
        if key not in self._functions:
            self._functions[key] = self._find_elsewhere(name, near)
        return self._functions[key]

    def _find_elsewhere(self, name: str, near: str) -> Definition | None:
        outside = sorted({path.rpartition("/")[0] for path in (near, *self.scope) if path.endswith(".c")})
        headers = ("include/linux", "include/asm-generic", f"arch/{self._arch}/include/asm")
        for directory in (*outside, *headers):
            for path in self._defining(directory, name):
                found = self.file(path)
                if found is None:
                    continue
                if name in found.functions and (path.endswith(".h") or not found.is_static(name)):
                    return found.function(name)
                if path.endswith(".h") and name in found.macros:
                    return found.macro(name)
        return None

    def constant(self, name: str, near: str) -> int | None:
        """The number an object-like macro stands for."""
        key = (name, near)
        if key not in self._numbers:
            self._numbers[key] = self._find_number(name, near)
        return self._numbers[key]

    def _find_number(self, name: str, near: str) -> int | None:
        for path in self.order(near):
            found = self.file(path)
            if found is not None and name in found.constants:
                return found.constants[name]
        return None

    def global_type(self, name: str, near: str) -> str:
        """The type of a global or per-CPU variable, "" when it is not found."""
        for path in self.order(near):
            found = self.file(path)
            if found is not None and name in found.globals:
                return found.globals[name]
        return ""

    def field_type(self, structure: str, name: str, near: str) -> str:
        """The type of a structure's field, "" when it is not found."""
        for path in self.order(near):
            found = self.file(path)
            if found is not None and structure in found.structs:
                return found.structs[structure].get(name, "")
        return ""
