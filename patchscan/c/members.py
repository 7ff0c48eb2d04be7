"""The members of a struct or union: names, types and the conditions around each, by bytes alone."""

import re
from collections.abc import Iterator

from patchscan.basics.keep import kept
from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen
from patchscan.c.filelevel import Statement, statements_naming, types_inside, without_directives
from patchscan.c.lexical import offsets
from patchscan.c.source import Condition, Source, parse

_TAGGED = pattern(rb"\b(?:struct|union)\b[^;{}]*\Z")
_MEMBERS = pattern(rb"[^;{}=]*\{")
_HEAD_LENGTH = 400
_STOP = pattern(rb"[;{}()]")
_WORD = pattern(rb"\w+")
_INCLUDES = pattern(rb"^[ \t]*#[ \t]*include\b", re.MULTILINE)
_ANONYMOUS = pattern(rb"\s*(?:struct|union|enum)\b[^;{}()]*\{")
_GROUP = pattern(rb"\s*(__struct_group|struct_group(?:_attr|_tagged)?)\s*\(")
_BITMAP = pattern(
    rb"\s*(?:DECLARE_BITMAP|DECLARE_HASHTABLE|DECLARE_KFIFO\w*|DECLARE_STREAM|DECLARE_WORK)\s*\(\s*(\w+)"
)
_FLEXIBLE = pattern(rb"\s*(?:DECLARE_FLEX_ARRAY|__DECLARE_FLEX_ARRAY)\s*\((.*),\s*(\w+)\s*\)", re.DOTALL)
_ATTRIBUTE = pattern(
    rb"\b(?:__attribute__|__aligned|__counted_by\w*|__printf|__guarded_by)\s*"
    rb"\((?:[^()]|\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\))*\)"
)
_MARK = pattern(
    rb"\b(?:randomized_struct_fields_(?:start|end)|__cacheline_group_(?:begin|end)\w*\s*\([^()]*\))"
)
_POINTER_TO_FUNCTION = pattern(
    rb"^(.*?)\(\s*\*+\s*(?:const\s+|__\w+\s+)*(\w+)\s*((?:\[[^\]]*\])*)\)\s*\((.*)\)\s*\Z", re.DOTALL
)
_DIMENSION = pattern(rb"\[[^\[\]]*\]")
_DECLARATOR = pattern(
    rb"(\w+)\s*((?:\[[^\]]*\]\s*)*)(?::[^:]*)?"
    rb"(?:\s*(?:__(?:packed|rcu|iomem|percpu|randomize_layout|nonstring|cacheline_\w+|aligned_\w+)|____cacheline_\w+))*\s*\Z"
)
_BRACKET = pattern(rb"[(){}]")
_BRACKET_OR_COMMA = pattern(rb"[()\[\]{},]")
_MACRO_FIRST = pattern(r"[A-Z][A-Z0-9_]{3,} (?:struct |union |enum |unsigned |const )*\w")
_PARENTHESES = pattern(rb"\([^()]*\)")
_CONSTANT = pattern(rb"(?:\A|,)\s*([A-Za-z_]\w*)\s*(?=[,=]|\Z)")
_UNDERSCORED = pattern(rb"\b__\w+")
_KEYWORDS = frozenset((b"char", b"short", b"int", b"long", b"unsigned", b"signed"))


@frozen
class Member:
    """A member: its type as written with stars, "[]" where it is an array, "(*)(...)" for a function, "" of bits.

    conditions: the #if around it inside the struct; parameters: of a pointer to a function, else "".
    """

    name: str
    type: str
    line: int
    conditions: tuple[Condition, ...]
    parameters: str = ""


@frozen
class Type:
    """A struct or union with its members; complete: False where a macro may make more of them."""

    name: str
    line: int
    members: tuple[Member, ...]
    complete: bool

    def named(self, name: str) -> tuple[Member, ...]:
        """The members of that name."""
        return tuple(each for each in self.members if each.name == name)


def type_in(text: bytes, path: str, name: str) -> Type | None:
    """The struct or union of that name that a text defines, None where it defines none, or several."""
    if not any(_opens(text, each, len(name)) for each in offsets(text, name.encode())):
        return None
    found = [each for each in statements_naming(text, name) if each.kind == "type"]
    found = found or list(types_inside(text, name))
    return _read(parse(text, path), found[0]) if len(found) == 1 else None


def _opens(text: bytes, offset: int, length: int) -> bool:
    """Whether a name at an offset may be the tag of a struct whose members follow."""
    follows = _MEMBERS.match(text, offset + length) is not None
    return follows and _TAGGED.search(text[max(0, offset - _HEAD_LENGTH) : offset]) is not None


def type_at(source: Source, statement: Statement) -> Type:
    """The struct or union that a statement of a text defines."""
    return _read(source, statement)


def enum_at(source: Source, statement: Statement) -> Type:
    """The enum that a statement of a text defines; its members are its constants, of type "enum"."""
    code = without_directives(source.code)
    body = code[statement.body + 1 : _closing(code, statement.body)]
    found = [
        Member(each[1].decode(), "enum", source.line_at(statement.body + 1 + each.start(1)), ())
        for each in _CONSTANT.finditer(_PARENTHESES.sub(lambda inner: b" " * len(inner[0]), body))
    ]
    plain = b"#" not in source.code[statement.body : statement.end]
    return Type(statement.name, source.line_at(statement.start), tuple(found), plain)


@kept
def _read(source: Source, statement: Statement) -> Type:
    code = without_directives(source.code)
    close = _closing(code, statement.body)
    first = source.line_at(statement.body)
    around = len(source.conditions_at(first))
    reader = _Reader(source, code, around)
    reader.read(statement.body + 1, close)
    if b"#" in source.code[statement.body : close] and _INCLUDES.search(source.code, statement.body, close):
        reader.complete = False
    return Type(statement.name, source.line_at(statement.start), tuple(reader.members), reader.complete)


def _closing(code: bytes, opening: int) -> int:
    """The offset of the bracket that closes the one at `opening`, or the end of the text."""
    depth = 0
    for match in _BRACKET.finditer(code, opening):
        depth += 1 if match[0] in b"({" else -1
        if depth == 0:
            return match.start()
    return len(code)


class _Reader:
    """Reads members; around: how many conditions stand around the whole struct."""

    def __init__(self, source: Source, code: bytes, around: int) -> None:
        self.source = source
        self.code = code
        self.around = around
        self.members: list[Member] = []
        self.complete = True

    def read(self, start: int, end: int) -> None:
        """The members between two offsets."""
        for begin, stop in self._pieces(start, end):
            self._piece(begin, stop)

    def _pieces(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        begin = position = start
        while match := _STOP.search(self.code, position, end):
            if match[0] == b";":
                yield begin, match.start()
                begin = position = match.end()
            elif match[0] in (b"{", b"("):
                position = _closing(self.code, match.start()) + 1
            else:
                position = match.end()
        if self.code[begin:end].strip():
            yield begin, end

    def _piece(self, begin: int, end: int) -> None:
        text = self.code[begin:end]
        group = _GROUP.match(text)
        if group is not None:
            self._group(group[1], begin + group.end() - 1)
            return
        anonymous = _ANONYMOUS.match(text)
        if anonymous is not None:
            brace = begin + anonymous.end() - 1
            close = _closing(self.code, brace)
            rest = _ATTRIBUTE.sub(b" ", self.code[close + 1 : end])
            names = _UNDERSCORED.sub(b" ", rest).strip()
            if names:
                for part in _parts(names):
                    named = _DECLARATOR.search(part)
                    if named is not None:
                        shape = "*" * part.count(b"*") + "[]" * (named[2] or b"").count(b"[")
                        self._add(named[1], f"struct {shape}".strip(), self._where(close + 1, named[1]))
            elif not text.lstrip().startswith(b"enum"):
                self.read(brace + 1, close)
            return
        bitmap, flexible = _BITMAP.match(text), _FLEXIBLE.match(text)
        if bitmap:
            self._add(bitmap[1], "unsigned long []", begin + bitmap.start(1))
        elif flexible:
            self._add(flexible[2], flexible[1].decode("latin-1").strip() + " []", begin + flexible.start(2))
        else:
            self._declared(_MARK.sub(b" ", text), begin)

    def _group(self, kind: bytes, opening: int) -> None:
        """struct_group(NAME, MEMBERS) and its kin: the members stand there, and NAME beside them."""
        close = _closing(self.code, opening)
        before = {b"__struct_group": 3, b"struct_group": 1}.get(kind, 2)
        position = opening + 1
        arguments = []
        for _ in range(before):
            comma = self.code.find(b",", position, close)
            if comma < 0:
                self.complete = False
                return
            arguments.append(self.code[position:comma].strip())
            position = comma + 1
        name = arguments[0 if kind in (b"struct_group", b"struct_group_attr") else 1]
        self._add(name, "struct", opening)
        self.read(position, close)

    def _declared(self, text: bytes, at: int) -> None:
        text = _ATTRIBUTE.sub(b" ", text).strip()
        if not text:
            return
        pointer = _POINTER_TO_FUNCTION.match(text)
        if pointer is not None:
            base = " ".join(pointer[1].decode("latin-1").split())
            array = "[]" if pointer[3] else ""
            parameters = " ".join(pointer[4].decode("latin-1").split())
            self._add(
                pointer[2],
                f"{base} (*){array}()",
                at + self.code[at : at + 4000].find(pointer[2]),
                parameters,
            )
            return
        # What is calculated in a dimension is none of the declarator's.
        text = _DIMENSION.sub(lambda match: b"[%s]" % (b"0" * (len(match[0]) - 2)), text)
        if b"(" in text:
            self.complete = False
            return
        base = ""
        for index, part in enumerate(_parts(text)):
            found = _DECLARATOR.search(part)
            if found is None:
                self.complete = False
                return
            before = part[: found.start(1)]
            if index == 0:
                base = " ".join(before.replace(b"*", b" ").decode("latin-1").split())
            if _is_nameless(found[1], b":" in part[found.start(1) :], base):
                base = f"{base} {found[1].decode('latin-1')}".strip() if index == 0 else base
                continue
            if index == 0 and (base in ("", "struct", "union", "enum") or _MACRO_FIRST.match(base)):
                # One word alone, or one in capitals before a type, is a macro that stands for members, or nothing.
                self.complete = False
                return
            stars = "*" * before.count(b"*")
            shape = stars + "[]" * (found[2] or b"").count(b"[")
            # A bit-field is promoted by its width: its type says nothing of what it is handed on as.
            kind = "" if b":" in part[found.start(1) :] else f"{base} {shape}".strip()
            self._add(found[1], kind, self._where(at, found[1]))

    def _where(self, at: int, name: bytes) -> int:
        return next((word.start() for word in _WORD.finditer(self.code, at) if word[0] == name), at)

    def _add(self, name: bytes, kind: str, at: int, parameters: str = "") -> None:
        line = self.source.line_at(at)
        conditions = self.source.conditions_at(line)[self.around :]
        self.members.append(Member(name.decode("latin-1"), kind, line, conditions, parameters))


def _is_nameless(word: bytes, bits: bool, base: str) -> bool:
    """Whether the last word of a declarator is the width or the type of a bit-field without a name: int : 3."""
    return word[:1].isdigit() or word in _KEYWORDS or (bits and not base)


def _parts(text: bytes) -> list[bytes]:
    """What the commas outside brackets separate."""
    parts, depth, begin = [], 0, 0
    for match in _BRACKET_OR_COMMA.finditer(text):
        if match[0] == b",":
            if depth == 0:
                parts.append(text[begin : match.start()])
                begin = match.end()
        else:
            depth += 1 if match[0] in b"([{" else -1
    return [*parts, text[begin:]]
