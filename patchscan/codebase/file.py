"""One C file seen through a configuration: what it defines, by name."""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable
from functools import cached_property, lru_cache

from patchscan.basics.pattern import pattern
from patchscan.c.lexical import without_comments
from patchscan.c.outline import Span, function_spans
from patchscan.codebase.conditionals import Text, plain_text
from patchscan.codebase.definition import Definition, define, number
from patchscan.kconfig.configured import Config

_OUTER = pattern(
    rb"^(?:[A-Za-z_](?:[^\n(;=]*[^\w\n(;=])?(\w+)[ \t]*\(|[ \t]*#[ \t]*define[ \t]+(\w+)\()", re.M
)
# What begins with a newline is searched in a text with one before it: re.M's ^ is tried at every character.
_DEFINE = pattern(rb"\n[ \t]*#[ \t]*define[ \t]+(\w+)((?:[^\\\n]|\\\n|\\.)*)")
_PARAMETERS = pattern(rb"\(([^)\n]*)\)")
_IDENTIFIER = pattern(rb"[A-Za-z_]\w*")
_INNER = pattern(rb"\([^()]*\)")
_SIGNS = pattern(rb"\A\s*[-+~!&*]+")
_OPERATOR = pattern(rb"[-+*/%<>&|^?=](?<!->)(?!>)")
_SETS = pattern(
    rb"(?:->|\.)(\w+)[ \t]*(?:\[[^\]\n]*\][ \t]*)?(?:(?:[-+*/%|&^]|<<|>>)?=(?!=)|\+\+|--)"
    rb"|(?:&|\+\+|--|\bWRITE_ONCE\()[\w>.-]*[>.](\w+)\b(?!->|\.)"
)
_ON_STACK = pattern(rb"\n[ \t]+(?:const )?struct (\w+) \w+(?:\[\w*\])?\s*[=;,]")
_STATEMENT = pattern(rb"\{|(?:do|if|while|for|switch|return|goto|break|continue|asm|__asm__|__asm)\b")
_DOES = pattern(rb"\w[ \t]*\(|\b(?:return|goto|break|continue)\b")
_SEVERAL = pattern(rb";\s*\S")
_ALIAS = pattern(rb"[ \t]+([A-Za-z_]\w*)[ \t]*")
_CONSTANT = pattern(rb"[ \t]+\(?(0[xX][0-9a-fA-F]+|\d+)[uUlL]*\)?[ \t]*")
_PER_CPU = pattern(rb"\b(?:DEFINE|DECLARE)_(?:EARLY_)?PER_CPU\w*\(\s*([^;]*?),\s*(\w+)\s*\)")
_GLOBAL = pattern(
    rb"\n(?:(?:static|extern|const|volatile|__\w+)\s+)*((?:struct\s+\w+|\w+_t|int|bool|unsigned(?:\s+\w+)?|long|u64|u32)"
    rb"[\s*]+)(\w+)(?:\[[^\]]*\])?\s*(?:__\w+\s*)*(?:=|;)"
)
# What begins with letters is searched many times faster than what begins with a choice.
_STRUCTS = tuple(pattern(kind + rb"\s+(\w+)\s*\{") for kind in (b"struct", b"union"))
_MEMBER = pattern(rb"(?P<name>\w+)[ \t]*(?P<array>(?:\[[^\]]*\])*)[ \t]*(?P<bits>:[ \t]*\w+[ \t]*)?\Z")
_NOT_PLAIN = pattern(rb"[{#,]")
_DIRECTIVE = pattern(rb"^[ \t]*#(?:[^\\\n]|\\\n|\\.)*", re.M)
_BRACE = pattern(rb"[{}]|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'")
_ANY_BRACE = pattern(rb"[{}]")
_BRACE_OR_END = pattern(rb"[;{]")
_WORD = pattern(rb"\w")
_BEHIND_NAME = pattern(rb"\s*[(,)]")
_CONTROL_WORDS = frozenset(["if", "for", "while", "switch", "return", "sizeof"])
_NO_NAMES = frozenset(word.encode() for word in _CONTROL_WORDS)
_PARENTHESIS = pattern(rb"[()]")
_UNSURE = pattern(rb"[#\"']")
_DEFINES = pattern(rb"[ \t]*#[ \t]*define\b")
_CONTROL = pattern(rb"[ \t}]*(?:else[ \t]+)?(?:if|while|for|switch)[ \t]*\(")


def may_define(text: bytes, name: str) -> bool:
    """Whether the name stands in front of a parenthesis on a line that begins at column 0; read quickly."""
    word = name.encode()
    offset = text.find(word)
    while offset >= 0:
        start = text.rfind(b"\n", 0, offset) + 1
        found = _OUTER.match(text, start) if text[start] not in b"\t /*" else None
        if found and word in found.groups():
            return True
        offset = text.find(word, offset + 1)
    return False


def names_at_line_starts(text: bytes) -> frozenset[str]:
    """The names that may_define() finds."""
    return frozenset((name or macro).decode() for name, macro in _OUTER.findall(text))


def _may_open(text: bytes, name: str) -> bool:
    """Whether a brace may open the body of a function of that name: one is met before its statement ends; read quickly.

    Strings and directives may hide an end, and the parentheses of a control statement hold no function's name.
    """
    word = name.encode()
    offset = -1 if word in _NO_NAMES else text.find(word)
    while offset >= 0:
        end = offset + len(word)
        if _BEHIND_NAME.match(text, end) and not (offset and _WORD.match(text, offset - 1)):
            stop = _BRACE_OR_END.search(text, end)
            if stop is None:
                return False
            line, behind = text[text.rfind(b"\n", 0, offset) + 1 : offset], text[end : stop.start()]
            opens = stop[0] == b"{" or _UNSURE.search(behind) or _is_open(behind)
            if opens and not _DEFINES.match(line) and not (_CONTROL.match(line) and _is_open(line)):
                return True
        offset = text.find(word, end)
    return False


def _is_open(text: bytes) -> bool:
    """Whether a parenthesis is open at the end of a text."""
    depth = 0
    for each in _PARENTHESIS.findall(text):
        depth = depth + 1 if each == b"(" else max(depth - 1, 0)
    return depth > 0


def is_no_name(name: str) -> bool:
    """Whether a word that stands before parentheses in C is no function's name."""
    return name in _CONTROL_WORDS


class File:
    """One file of the code base, indexed by name."""

    def __init__(self, path: str, text: bytes, otherwise: Callable[[], bytes] = bytes) -> None:
        """text: without comments, and without what the configuration leaves out; otherwise: gives the text where what
        is no symbol of the configuration is set."""
        self.path = path
        self.text = text
        self._otherwise = otherwise
        self._definitions: dict[tuple[str, str], Definition | None] = {}
        self._absent: set[str] = set()
        self._fields: dict[str, dict[str, str]] = {}

    @cached_property
    def functions(self) -> dict[str, Span]:
        """The functions by name; one that a macro makes (a system call) comes after one that is called so."""
        spans = tuple(function_spans(without_comments(self.text)))
        plain = {each.name: each for each in reversed(spans) if self._is_called(each)}
        return {each.name: each for each in reversed(spans)} | plain

    def _is_called(self, span: Span) -> bool:
        return self.text.startswith(span.name.encode(), span.name_start)

    def has_function(self, name: str) -> bool:
        """Whether a function of that name is defined here; a text that shows none is not read for functions."""
        if "functions" in self.__dict__:
            return name in self.functions
        if name in self._absent:
            return False
        if _may_open(self.text, name):
            return name in self.functions
        self._absent.add(name)
        return False

    @cached_property
    def defines(self) -> dict[str, list[re.Match[bytes]]]:
        """Every #define of each name."""
        found: dict[str, list[re.Match[bytes]]] = {}
        for each in _DEFINE.finditer(b"\n" + self.text):
            found.setdefault(each[1].decode(), []).append(each)
        return found

    def defines_macro(self, name: str) -> bool:
        """Whether there is a function-like macro of that name."""
        return any(_PARAMETERS.match(each[2]) for each in self.defines.get(name, ()))

    def replaces(self, name: str) -> bool:
        """Whether an object-like macro puts something else in place of a name, or nothing."""
        found = (each[2].strip() for each in self.defines.get(name, ()) if each[2][:1] != b"(")
        return any(text != name.encode() for text in found)

    def left_out(self, name: str) -> bool:
        """Whether only a macro has the name that is there where something beside the configuration is set."""
        return name in self._macros and name not in self.defines and not self.has_function(name)

    @cached_property
    def _macros(self) -> frozenset[str]:
        """The macros that are there where what is no symbol of the configuration is set."""
        return frozenset(each[1].decode() for each in _DEFINE.finditer(b"\n" + self._otherwise()))

    def redefines(self, name: str) -> bool:
        """Whether a macro below a function has its name, and is no other way to call it."""
        if name not in self.defines or not self.has_function(name):
            return False
        # The text that is searched for macros has a newline in front.
        behind = [each for each in self.defines[name] if each.start() > self.functions[name].start]
        return any(name.encode() not in _IDENTIFIER.findall(each[2]) for each in behind)

    def comes_apart(self, name: str) -> bool:
        """Whether an object-like macro has an operator outside of parentheses, beside which others may bind first."""
        found = (each[2] for each in self.defines.get(name, ()) if each[2][:1] != b"(")
        return any(_OPERATOR.search(_flat(text)) is not None for text in found)

    def alias(self, name: str) -> str | None:
        """The other identifier that an object-like macro stands for; of several definitions the last."""
        found = [_ALIAS.fullmatch(each[2]) for each in self.defines.get(name, ())]
        other = next((each[1].decode() for each in reversed(found) if each), None)
        return other if other != name else None

    def constant(self, name: str) -> int | None:
        """The number that an object-like macro stands for; of several definitions the last."""
        found = [_CONSTANT.fullmatch(each[2]) for each in self.defines.get(name, ())]
        return next((number(each[1].decode()) for each in reversed(found) if each), None)

    @cached_property
    def globals(self) -> dict[str, str]:
        """Global and per-CPU variables to their types."""
        found = _GLOBAL.findall(b"\n" + self.text)
        found += _PER_CPU.findall(self.text) if b"PER_CPU" in self.text else ()
        return {name.decode(): " ".join(kind.decode().split()) for kind, name in found}

    @cached_property
    def _structs(self) -> dict[str, int]:
        """Structure name to where its members begin, of several the first."""
        found = [opens for each in _STRUCTS for opens in each.finditer(self.text)]
        words = [each for each in found if not _WORD.match(self.text, max(each.start() - 1, 0), each.start())]
        return {each[1].decode(): each.end() for each in sorted(words, key=re.Match.start, reverse=True)}

    def members(self, structure: str) -> dict[str, str] | None:
        """Field name to type, "int: 3" where it has so few bits; None where the structure is not declared."""
        if structure in self._structs and structure not in self._fields:
            start = self._structs[structure]
            self._fields[structure] = dict(_members(self.text[start : _closing_brace(self.text, start)]))
        return self._fields.get(structure)

    def in_order(self, structure: str) -> tuple[str, ...] | None:
        """The members of a structure in their order, () where that is not plain, None where it is not declared."""
        members = self.members(structure)
        if members is None:
            return None
        start = self._structs[structure]
        body = self.text[start : _closing_brace(self.text, start) - 1]
        return () if _NOT_PLAIN.search(body) else tuple(members)

    def calling(self, name: str) -> tuple[str, ...]:
        """The functions that call one, or use a macro, in the order of the file."""
        spans = sorted((each.brace, each.name) for each in self.functions.values())
        starts = [body for body, _ in spans]
        calls = re.finditer(rb"\b%b\s*\(" % re.escape(name.encode("latin-1")), self.text)
        places = (bisect_right(starts, call.start()) for call in calls)
        found = dict.fromkeys(spans[place - 1][1] for place in places if place)
        return tuple(each for each in found if each != name)

    @cached_property
    def on_stack(self) -> frozenset[str]:
        """The structures that its functions declare variables of."""
        texts = (self.text[each.brace : each.end] for each in self.functions.values())
        return frozenset(name.decode() for text in texts for name in _ON_STACK.findall(text))

    @cached_property
    def sets(self) -> frozenset[str]:
        """The members that it sets, or hands on where they may be set."""
        return frozenset(name.decode() for found in _SETS.findall(self.text) for name in found if name)

    def is_static(self, name: str) -> bool:
        return b"static" in self._header(name)

    def is_weak(self, name: str) -> bool:
        return b"__weak" in self._header(name)

    def _header(self, name: str) -> bytes:
        span = self.functions[name]
        return self.text[span.start : span.brace]

    def function(self, name: str) -> Definition | None:
        """The function of that name, cut out and parsed."""
        return self._cached(name, "function", self._cut)

    def macro(self, name: str) -> Definition | None:
        """The function-like macro of that name as a definition whose parameters are bound as written."""
        return self._cached(name, "macro", self._expand)

    def written_out(self, name: str) -> Definition | None:
        """The macro without parameters of that name that calls something, or leaves where it stands."""
        return self._cached(name, "object", self._expand_object)

    def _cached(self, name: str, kind: str, make: Callable[[str], Definition | None]) -> Definition | None:
        key = (name, kind)
        if key not in self._definitions:
            self._definitions[key] = make(name)
        return self._definitions[key]

    def _cut(self, name: str) -> Definition | None:
        return define(name, self.path, *self.cut(name)) if self.has_function(name) else None

    def cut(self, name: str) -> tuple[int, bytes]:
        """The first line and the text of a function that is there."""
        span = self.functions[name]
        return self.text.count(b"\n", 0, span.start) + 1, self.text[span.start : span.end]

    def _expand(self, name: str) -> Definition | None:
        found = [each for each in self.defines.get(name, ()) if _PARAMETERS.match(each[2])]
        meant = found[-1 if self._undefines(name) else 0] if found else None
        given = _PARAMETERS.match(meant[2]) if meant is not None else None
        if meant is None or given is None:
            return None
        parameters = tuple(part.strip() for part in given[1].decode("latin-1").split(",") if part.strip())
        return self._written(name, meant, given.end(), parameters)

    def _expand_object(self, name: str) -> Definition | None:
        found = [each for each in self.defines.get(name, ()) if not _PARAMETERS.match(each[2])]
        meant = found[-1 if self._undefines(name) else 0] if found else None
        if meant is None or not _DOES.search(meant[2]):
            return None
        return self._written(name, meant, 0, ())

    def _undefines(self, name: str) -> bool:
        return (
            len(self.defines[name]) > 1
            and re.search(rb"#[ \t]*undef[ \t]+%b\b" % name.encode(), self.text) is not None
        )

    def _written(
        self, name: str, found: re.Match[bytes], start: int, parameters: tuple[str, ...]
    ) -> Definition | None:
        """A macro's text as a function that gives its value, or runs its statements."""
        # A pasted name is a name of its own; the grammar knows no ##.
        body = found[2][start:].replace(b"\\\n", b"  ").replace(b"##", b"__").strip()
        several = _SEVERAL.search(body) and not body.startswith(b"(")
        statement = not body or _STATEMENT.match(body) or several
        text = b"%s %s(){ %s%s; }" % (
            b"void" if statement else b"long",
            name.encode(),
            b"" if statement else b"return ",
            body,
        )
        line = self.text.count(b"\n", 0, found.start()) + 1
        return define(name, self.path, line, text, tuple(("", part) for part in parameters))


def _flat(text: bytes) -> bytes:
    """An expression without what stands in parentheses, and without the signs in front of it."""
    count = 1
    while count:
        text, count = _INNER.subn(b" ", text)
    return _SIGNS.sub(b"", text)


def _members(body: bytes) -> Iterable[tuple[str, str]]:
    """(name, type) of each field in a structure's body, those of its inner structures included."""
    for piece in body.split(b";"):
        piece = _DIRECTIVE.sub(b"", _ANY_BRACE.split(piece)[-1]).strip()
        found = _MEMBER.search(piece)
        kind = b" ".join(piece[: found.start()].split()) if found else b""
        if found and kind:
            behind = b" []" if found.group("array") else found.group("bits") or b""
            yield found.group("name").decode(), (kind + behind).decode("latin-1").rstrip()


def _closing_brace(text: bytes, start: int) -> int:
    """The end of the block whose brace opened just before start."""
    depth = 1
    for found in _BRACE.finditer(text, start):
        depth += {b"{": 1, b"}": -1}.get(found.group(), 0)
        if not depth:
            return found.end()
    return len(text)


@lru_cache(maxsize=8192)
def indexed(path: str, text: bytes, config: Config) -> File:
    """A file's index; the same object for all configurations that agree on what the text asks of them."""
    plain = plain_text(text)
    return _indexed(path, plain, tuple(map(config.value, plain.symbols)))


@lru_cache(maxsize=4096)
def _indexed(path: str, text: Text, values: tuple[int, ...]) -> File:
    known = dict(zip(text.symbols, values, strict=True))

    def otherwise() -> bytes:
        return text.seen_through(lambda name: known.get(name, 0) if name.startswith("CONFIG_") else 1)

    return File(path, text.seen_through(lambda symbol: known.get(symbol, 0)), otherwise)
