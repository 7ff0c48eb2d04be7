"""One C file seen through a configuration: what it defines, by name."""

import re
from collections.abc import Callable, Iterable
from functools import cached_property, lru_cache

from patchscan.model.conditionals import Text, plain_text
from patchscan.model.config import Config
from patchscan.model.definition import Definition, define, number
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


def names_at_line_starts(text: bytes) -> frozenset[str]:
    """Names in front of a parenthesis on lines that begin at column 0: what a file may define, read quickly."""
    return frozenset((name or macro).decode() for name, macro in _OUTER.findall(text))


class File:
    """One file of the code base, indexed by name."""

    def __init__(self, path: str, text: bytes) -> None:
        """text: without comments, and without what the configuration leaves out."""
        self.path = path
        self.text = text
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


def indexed(path: str, text: bytes, config: Config) -> File:
    """A file's index; the same object for all configurations that agree on what the text asks of them."""
    plain = plain_text(text)
    return _indexed(path, plain, tuple(map(config.value, plain.symbols)))


@lru_cache(maxsize=4096)
def _indexed(path: str, text: Text, values: tuple[int, ...]) -> File:
    known = dict(zip(text.symbols, values, strict=True))
    return File(path, text.seen_through(lambda symbol: known.get(symbol, 0)))


@lru_cache(maxsize=4096)
def includes(text: bytes) -> tuple[str, ...]:
    """The files that a text includes, in order, whatever the configuration."""
    return tuple(name.decode("latin-1") for name in _INCLUDE.findall(text))
