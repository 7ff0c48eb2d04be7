"""The entries of a Kconfig file as formulas: what each option depends on, when it is asked for, and what it brings.

Language: Documentation/kbuild/kconfig-language.rst.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property, lru_cache

from patchscan.basics.formula import Formula, all_of, any_of, read_condition
from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen
from patchscan.kconfig.logical_lines import statements

_BLOCK = pattern(
    r"(?m)^(if|endif|menu|endmenu|choice|endchoice|config|menuconfig|source|comment)\b[ \t]*(.*)"
)
_BROUGHT = pattern(r"(?m)^(?:select|imply)[ \t]+(\S+)")
_TYPE = pattern(r"(bool|tristate|int|hex|string|prompt|def_bool|def_tristate|default)\b\s*(.*)")
_TEXT = pattern(r"\"(?:[^\"\\]|\\.)*\"|'[^']*'")
_PROMPT = pattern(r"prompt\b")
_CHOICE = pattern(r"choice\b")
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


class FileEntries:
    """The definitions of a Kconfig file, and what stands around the files that it sources."""

    def __init__(self, drafts: "Sequence[_Draft]", sources: tuple[Guarded, ...]) -> None:
        self.sources = sources
        self._drafts = drafts
        self._named: dict[str, list[_Draft]] = {}
        for draft in drafts:
            self._named.setdefault(draft.name, []).append(draft)

    @property
    def entries(self) -> tuple[Entry, ...]:
        """All, in order."""
        return tuple(draft.entry() for draft in self._drafts)

    @cached_property
    def _bringing(self) -> "dict[str, list[_Draft]]":
        found: dict[str, list[_Draft]] = {}
        for draft in self._drafts:
            for target in dict.fromkeys(_BROUGHT.findall(draft.attributes)):
                found.setdefault(target, []).append(draft)
        return found

    def named(self, name: str) -> Iterator[Entry]:
        """The definitions of an option, in order."""
        return (draft.entry() for draft in self._named.get(name, ()))

    def bringing(self, name: str) -> Iterator[Entry]:
        """The definitions that select or imply an option, in order."""
        return (draft.entry() for draft in self._bringing.get(name, ()))


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
    """A `config` entry, or a choice or menu that has conditions of its own, while it is read.

    outside: what stands around it; visibles: when the menus around it are shown; attributes: its statements, by line.
    """

    def __init__(
        self,
        kind: str,
        name: str,
        outside: Formula,
        choice: bool,
        visibles: tuple[Formula, ...] = (),
        attributes: str = "",
    ) -> None:
        self.kind = kind
        self.name = name
        self.attributes = attributes
        self.depends = [outside]
        self.choice = choice
        self.visibles = visibles
        self.boolean = True
        self.prompt: Formula | None = None
        self.visible: Formula = ALWAYS
        self.defaults: list[tuple[Formula, Formula]] = []
        self.selects: list[Guarded] = []
        self.implies: list[Guarded] = []
        self._entry: Entry | None = None
        self._inside: tuple[int, Formula] = 0, ALWAYS

    @property
    def inside(self) -> Formula:
        """What stands around that which follows it, up to its end."""
        if self._inside[0] != len(self.depends):
            self._inside = len(self.depends), both(self.depends)
        return self._inside[1]

    def entry(self) -> Entry:
        """What was read: of the hundreds of entries of a file few are asked for."""
        if self._entry is None:
            self.visible = both(self.visibles)
            self.add_all()
            self._entry = Entry(
                self.name,
                self.boolean,
                self.choice,
                both(self.depends),
                self.prompt,
                tuple(self.defaults),
                tuple(self.selects),
                tuple(self.implies),
            )
        return self._entry

    def add_all(self) -> None:
        """All its attributes."""
        for statement in self.attributes.split("\n"):
            self.add(statement)

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


def read_entries(text: str, around: Formula) -> FileEntries:
    """The definitions among the statements of a Kconfig file; around: what stands around the lines that source it."""
    drafts: list[_Draft] = []
    sources: list[Guarded] = []
    stack: list[_Draft] = [_Draft("", "", around, False)]
    blocks = list(_BLOCK.finditer(text))
    ends = [*(each.start() for each in blocks), len(text)][1:]
    for block, end in zip(blocks, ends, strict=True):
        word, rest = block[1], block[2]
        outside = stack[-1].inside
        attributes = text[block.end() + 1 : end]
        if word in ("config", "menuconfig"):
            in_choice = any(each.kind == "choice" for each in stack)
            visibles = tuple(each.visible for each in stack if each.visible != ALWAYS)
            drafts.append(_Draft("config", rest.strip(), outside, in_choice, visibles, attributes))
        elif word in ("if", "menu", "choice"):
            current = _Draft(word, "", outside, False, (), attributes)
            if word == "if":
                current.depends.append(_expression(rest))
            current.add_all()
            stack.append(current)
        elif word.startswith("end") and len(stack) > 1:
            stack.pop()
        elif word == "source":
            sources.append((rest.strip().strip('"'), outside))
    return FileEntries(drafts, tuple(sources))


def statement_lines(content: bytes) -> str:
    """The statements of a Kconfig file, one a line."""
    return "\n".join(each.text for each in statements(content.decode("utf-8", "replace")))


def _guarded(text: str) -> tuple[str, Formula]:
    """A value and the condition behind its `if`."""
    value, _, condition = text.partition(" if ") if " if " in text else (text, "", "")
    if not condition and text.strip().startswith("if "):
        value, condition = "", text.strip()[3:]
    return value.strip(), _expression(condition) if condition else ALWAYS


@lru_cache(maxsize=4096)
def _expression(text: str) -> Formula:
    return read_condition(text)


_TYPED = pattern(r"(tristate|boolean|bool|int|hex|string|def_bool|def_tristate)\b(\s*[\"'])?")
_NAME = pattern(r"(?:menu)?config\s+(\w+)")
_SELECT = pattern(r"(?:select|imply)\s+(\w+)")
_OUTSIDE = pattern(r"(?:endchoice|menu|endmenu|comment|source|if|endif|mainmenu)\b")
_KINDS = {"boolean": "bool", "def_bool": "bool", "def_tristate": "tristate"}
WIDTH = {"": 0, "string": 1, "int": 2, "hex": 3, "bool": 4, "tristate": 5}


class Definition:
    """One `config` entry of a file; filled while the file is scanned. selects: what it implies, too."""

    def __init__(self, name: str, line: int, choice: bool, kind: str = "", prompt: bool = False) -> None:
        self.name = name
        self.line = line
        self.choice = choice
        self.kind = kind
        self.prompt = prompt
        self.selects: list[str] = []


def definitions_in(text: bytes) -> Iterator[Definition]:
    """The `config` entries of a Kconfig file."""
    current: Definition | None = None
    in_choice = False
    for statement in statements(text.decode("utf-8", "replace")):
        words = statement.text
        name = _NAME.match(words)
        if name:
            if current:
                yield current
            current = Definition(name[1], statement.line, in_choice)
        elif _CHOICE.match(words) or _OUTSIDE.match(words):
            if current:
                yield current
            current = None
            in_choice = words.startswith("choice") or (in_choice and not words.startswith("endchoice"))
        elif current is not None:
            _add(current, words)
    if current:
        yield current


def _add(definition: Definition, words: str) -> None:
    """Take one attribute of a `config` entry."""
    if selected := _SELECT.match(words):
        definition.selects.append(selected[1])
    elif _PROMPT.match(words):
        definition.prompt = True
    elif typed := _TYPED.match(words):
        definition.kind = _KINDS.get(typed[1], typed[1])
        definition.prompt = definition.prompt or bool(typed[2])
