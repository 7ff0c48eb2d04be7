"""The entries of a Kconfig file as formulas: what each option depends on, when it is asked for, and what it brings.

Language: Documentation/kbuild/kconfig-language.rst.
"""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

from patchscan.basics.formula import Formula, all_of, any_of, read_condition
from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen

_BLOCK = pattern(r"(if|endif|menu|endmenu|choice|endchoice|config|menuconfig|source|comment)\b\s*(.*)")
_TYPE = pattern(r"(bool|tristate|int|hex|string|prompt|def_bool|def_tristate|default)\b\s*(.*)")
_TEXT = pattern(r"\"(?:[^\"\\]|\\.)*\"|'[^']*'")
ALWAYS = all_of(())

Guarded = tuple[str, Formula]


@frozen
class Entry:
    """One definition of an option; choice: whether it is one of a choice.

    depends holds the blocks around it, too; prompt: when the user is asked, None for never; defaults: values with
    their conditions; selects and implies: options with the conditions under which they are brought along.
    """

    name: str
    boolean: bool
    choice: bool
    depends: Formula
    prompt: Formula | None
    defaults: tuple[tuple[Formula, Formula], ...]
    selects: tuple[Guarded, ...]
    implies: tuple[Guarded, ...]


@frozen
class FileEntries:
    """The definitions of a Kconfig file, and what stands around the files that it sources."""

    entries: tuple[Entry, ...]
    sources: tuple[Guarded, ...]


def both(formulas: Iterable[Formula]) -> Formula:
    """All hold: what always does left out, and nothing put into brackets that need not be."""
    parts: dict[Formula, None] = {}
    for each in formulas:
        parts.update(dict.fromkeys(each.parts if each.kind == "and" else (each,)))
    return next(iter(parts)) if len(parts) == 1 else all_of(parts)


def either(formulas: Iterable[Formula]) -> Formula:
    """One holds."""
    found = tuple(dict.fromkeys(formulas))
    if ALWAYS in found:
        return ALWAYS
    return found[0] if len(found) == 1 else any_of(found)


class _Draft:
    """A `config` entry, or a choice or menu that has conditions of its own, while it is read."""

    def __init__(self, kind: str, name: str, around: Formula, choice: bool) -> None:
        self.kind = kind
        self.name = name
        self.depends = [around]
        self.choice = choice
        self.boolean = True
        self.prompt: Formula | None = None
        self.visible: Formula = ALWAYS
        self.defaults: list[tuple[Formula, Formula]] = []
        self.selects: list[Guarded] = []
        self.implies: list[Guarded] = []

    def entry(self) -> Entry:
        """What was read."""
        return Entry(
            self.name,
            self.boolean,
            self.choice,
            both(self.depends),
            self.prompt,
            tuple(self.defaults),
            tuple(self.selects),
            tuple(self.implies),
        )

    def add(self, statement: str) -> None:
        """One attribute."""
        word, _, rest = statement.partition(" ")
        rest = rest.strip()
        if word == "depends":
            self.depends.append(_expression(rest.removeprefix("on")))
        elif word == "visible":
            self.visible = _expression(rest.removeprefix("if"))
        elif word in ("select", "imply"):
            target, condition = _guarded(rest)
            (self.selects if word == "select" else self.implies).append((target.strip(), condition))
        elif match := _TYPE.match(statement):
            self._typed(match[1], match[2])

    def _typed(self, word: str, rest: str) -> None:
        if word in ("int", "hex", "string"):
            self.boolean = False
        if word in ("default", "def_bool", "def_tristate"):
            value, condition = _guarded(rest)
            self.defaults.append((_expression(value), condition))
        elif rest[:1] in ('"', "'"):
            _, condition = _guarded(_TEXT.sub("", rest, count=1))
            self.prompt = both((condition, self.visible))


def _statements(text: str) -> Iterator[str]:
    """The statements of a Kconfig file without help texts, which end where less is indented, and comments."""
    help_indent: int | None = None
    for line in re.sub(r"\\\n", " ", text).split("\n"):
        statement = line.strip()
        if not statement or statement.startswith("#"):
            continue
        indent = len(line) - len(line.lstrip())
        if help_indent is not None and indent >= max(help_indent, 1):
            help_indent = help_indent or indent
        elif statement in ("help", "---help---"):
            help_indent = 0
        else:
            help_indent = None
            yield statement


def read_entries(text: str, around: Formula) -> FileEntries:
    """The definitions of a Kconfig file, tabs expanded; around: what stands around the lines that source it."""
    entries: list[Entry] = []
    sources: list[Guarded] = []
    stack: list[_Draft] = [_Draft("", "", around, False)]
    current: _Draft | None = None
    for statement in _statements(text):
        block = _BLOCK.match(statement)
        if block is None:
            if current is not None:
                current.add(_without_comment(statement))
            continue
        if current is not None and current.kind == "config":
            entries.append(current.entry())
        word, rest = block[1], _without_comment(block[2])
        above = stack[-1]
        outside = both(above.depends)
        current = None
        if word in ("config", "menuconfig"):
            current = _Draft("config", rest.strip(), outside, any(each.kind == "choice" for each in stack))
            current.visible = both(each.visible for each in stack)
        elif word in ("if", "menu", "choice"):
            current = _Draft(word, "", outside, False)
            if word == "if":
                current.depends.append(_expression(rest))
            stack.append(current)
        elif word.startswith("end") and len(stack) > 1:
            stack.pop()
        elif word == "source":
            sources.append((rest.strip().strip('"'), outside))
    if current is not None and current.kind == "config":
        entries.append(current.entry())
    return FileEntries(tuple(entries), tuple(sources))


def _without_comment(text: str) -> str:
    return text.partition("#")[0] if "#" in text and '"' not in text and "'" not in text else text


def _guarded(text: str) -> tuple[str, Formula]:
    """A value and the condition behind its `if`."""
    value, _, condition = text.partition(" if ") if " if " in text else (text, "", "")
    if not condition and text.strip().startswith("if "):
        value, condition = "", text.strip()[3:]
    return value.strip(), _expression(condition) if condition else ALWAYS


@lru_cache(maxsize=4096)
def _expression(text: str) -> Formula:
    return read_condition(text)


_ENTRY = pattern(
    rb"^ *(?:"
    rb"(?P<config>(?:menu)?config) +(?P<name>\w+)"
    rb"|(?P<type>tristate|bool|boolean|int|hex|string|def_bool|def_tristate)\b(?P<prompt> *[\"'])?"
    rb"|select +(?P<selected>\w+)"
    rb"|(?P<own_prompt>prompt)\b"
    rb"|(?P<help>(?:---)?help(?:---)? *\n(?: *\n)*)"
    rb"|(?P<choice>choice)\b"
    rb"|(?P<end>endchoice|menu|endmenu|comment|source|if|endif|mainmenu)\b"
    rb")",
    re.M,
)


_TYPES = {"boolean": "bool", "def_bool": "bool", "def_tristate": "tristate"}


WIDTH = {"": 0, "string": 1, "int": 2, "hex": 3, "bool": 4, "tristate": 5}


class Definition:
    """One `config` entry of a file; filled while the file is scanned."""

    def __init__(self, name: str, line: int, choice: bool, kind: str = "", prompt: bool = False) -> None:
        self.name = name
        self.line = line
        self.choice = choice
        self.kind = kind
        self.prompt = prompt
        self.selects: tuple[str, ...] = ()


def definitions_in(text: bytes) -> Iterator[Definition]:
    """The `config` entries of a Kconfig file; help texts, which hold the same words, are stepped over."""
    text = text.expandtabs()
    current: Definition | None = None
    in_choice = False
    position = counted = 0
    line = 1
    while match := _ENTRY.search(text, position):
        position = match.end()
        kind = match.lastgroup
        if kind == "help":
            position = _end_of_help(text, position)
        elif kind == "name":
            line, counted = line + text.count(b"\n", counted, match.start()), match.start()
            if current:
                yield current
            current = Definition(match.group("name").decode(), line, in_choice)
        elif kind in ("choice", "end"):
            if current:
                yield current
            current = None
            in_choice = kind == "choice" or (in_choice and match.group().strip() != b"endchoice")
        elif current is not None:
            _add(current, match)
    if current:
        yield current


def _end_of_help(text: bytes, position: int) -> int:
    """Help goes on until a line is indented less than its first."""
    indent = len(text) - position - len(text[position:].lstrip(b" "))
    lines = _indented(max(indent, 1)).match(text, position)
    return lines.end() if lines else position


@lru_cache(maxsize=64)
def _indented(indent: int) -> "re.Pattern[bytes]":
    return re.compile(rb"(?: {%d}[^\n]*\n| *\n)*" % indent)


def _add(definition: Definition, match: re.Match[bytes]) -> None:
    """Take one attribute of a `config` entry."""
    if match.group("selected"):
        definition.selects += (match.group("selected").decode(),)
    elif match.group("own_prompt"):
        definition.prompt = True
    elif match.group("type"):
        kind = match.group("type").decode()
        definition.kind = _TYPES.get(kind, kind)
        definition.prompt = definition.prompt or bool(match.group("prompt"))
