"""The statements of Makefiles: logical lines, assignments and the names of lists. The one reader of their language.

Nothing is expanded, and both branches of a conditional are read. Language: the manual of GNU make;
Documentation/kbuild/makefiles.rst.
"""

from collections.abc import Iterator
from functools import cached_property

from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen

_CONTINUED = pattern(r"\\[ \t]*$")
_COMMENT = pattern(r"(?<!\\)#.*")
_SPACES = pattern(r"\s+")
_ASSIGNMENT = pattern(
    r"(?:(?:export|override)\s+)*"
    r"(?P<name>(?:[\w.\-/]|\$\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)|\$\{\w+\})+)\s*(?:\+|::?|\?)?=\s*(?P<value>.*)"
)
_LIST = pattern(r"(.+)-(y|m|objs|\$.*)")
_IS_ON = pattern(r"(?:ifdef CONFIG_(\w+)|ifneq \(\$[({]CONFIG_(\w+)[)}], ?\))")
_OPTION = pattern(r"\$[({]CONFIG_(\w+)[)}]")


@frozen
class Assignment:
    """A variable with what is added to it, or set."""

    name: str
    value: str


@frozen
class Statement:
    """A logical line of a Makefile that is no part of a recipe: joined, without comment, white space folded.

    first_line, last_line: from 1; depth: how many conditionals are around it; options: those that these ask to be on,
    None where one asks for something else.
    """

    text: str
    first_line: int
    last_line: int
    depth: int
    options: tuple[str, ...] | None = ()

    @cached_property
    def assignment(self) -> Assignment | None:
        """What the line sets, None where it is no assignment."""
        found = _ASSIGNMENT.fullmatch(self.text)
        return Assignment(found["name"], found["value"]) if found else None


@frozen
class ListName:
    """The name of a list of objects: "obj-$(CONFIG_SMP)" has the stem "obj" and the suffix "$(CONFIG_SMP)"."""

    stem: str
    suffix: str

    @property
    def option(self) -> str | None:
        """The one option that the list hangs on, "" for none, None where it hangs on something else."""
        if self.suffix in ("y", "m", "objs"):
            return ""
        found = _OPTION.fullmatch(self.suffix)
        return found[1] if found else None


def list_name(name: str) -> ListName | None:
    """A variable's name as that of a list of objects."""
    found = _LIST.fullmatch(name)
    return ListName(found[1], found[2]) if found else None


def statements(text: str) -> Iterator[Statement]:
    """The statements of a Makefile in order; recipes, which make does not read itself, are left out."""
    around: list[str] = []
    in_rule = False
    for first, last, line in _logical_lines(text):
        shown = _SPACES.sub(" ", _COMMENT.sub("", line)).strip()
        if not shown or (in_rule and line.startswith("\t")):
            continue
        word = shown.partition(" ")[0]
        if word in ("ifdef", "ifndef", "ifeq", "ifneq"):
            on = _IS_ON.fullmatch(shown)
            around.append((on[1] or on[2]) if on else "")
        elif word == "else":
            around[-1:] = [""] * bool(around)
        elif word == "endif":
            del around[-1:]
        options = tuple(around) if all(around) else None
        statement = Statement(shown, first, last, len(around), options)
        if word not in ("ifdef", "ifndef", "ifeq", "ifneq", "else", "endif"):
            in_rule = ":" in shown and statement.assignment is None
        yield statement


def _logical_lines(text: str) -> Iterator[tuple[int, int, str]]:
    """(first line, last line, text) with continued lines joined."""
    parts: list[str] = []
    for number, line in enumerate(text.split("\n"), 1):
        joined = _CONTINUED.sub("", line)
        parts.append(joined)
        if joined == line:
            yield number - len(parts) + 1, number, " ".join(parts)
            parts = []
    if parts:
        yield number - len(parts) + 1, number, " ".join(parts)
