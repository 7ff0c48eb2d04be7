"""Kbuild Makefiles, read for the lists of objects they hold; no rule is run, no shell is asked.

Every branch of a conditional is taken, and $(CONFIG_X) stays as it is: the question is what some configuration
can build, not what one builds. Language: Documentation/kbuild/makefiles.rst.
"""

import posixpath
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property

from patchscan.basics.budget import BUDGET
from patchscan.basics.pattern import pattern
from patchscan.kbuild.assignments import list_name, statements

_INCLUDE = pattern(r"-?s?include (.*)")
_WORD = pattern(r"\w+")
_MOST_DEPTH = 24
_MOST_INCLUDES = 60
_MOST_CHARACTERS = BUDGET.expansion.most


class Makefile:
    """The variables of one directory's Makefile; a name may hold $(CONFIG_X): "obj-$(CONFIG_EXT4_FS)"."""

    def __init__(self, directory: str) -> None:
        self.directory = directory
        self.values: dict[str, list[str]] = {}
        self.expanding: set[str] = set()
        self.budget = _MOST_CHARACTERS

    def words(self, name: str) -> tuple[str, ...]:
        """The words of a variable, with all references to others expanded."""
        values = [one for value in self.values.get(name, ()) for one in _both_widths(value)]
        return tuple(word for value in values for word in self.expand(value).split())

    @cached_property
    def lists(self) -> Mapping[str, tuple[str, ...]]:
        """Object (a path from the top of the tree) -> the lists it stands in, such as "obj-y" or "ext4-objs"."""
        found: dict[str, list[str]] = {}
        for name in self.values:
            if list_name(name) is not None:
                for path in sorted({resolve(self.directory, word) or "" for word in self.words(name)}):
                    if path.endswith(".o"):
                        found.setdefault(path, []).append(name)
        return {path: tuple(sorted(names)) for path, names in found.items()}

    def expand(self, text: str, depth: int = 0) -> str:
        """A text with variables and the functions on words expanded; what is not known becomes nothing."""
        if "$" not in text:
            return text
        self.budget -= len(text)
        if depth > _MOST_DEPTH or self.budget < 0:
            return ""
        result = []
        position = 0
        for begin, end, inner in _references(text):
            result += [text[position:begin], self._reference(inner, depth + 1)]
            position = end
        return "".join([*result, text[position:]])

    def _reference(self, inner: str, depth: int) -> str:
        if inner.startswith("CONFIG_"):
            return f"$({inner})" if _WORD.fullmatch(inner) else ""
        function, _, arguments = inner.partition(" ")
        if function in _FUNCTIONS and arguments:
            return _FUNCTIONS[function]([self.expand(part, depth) for part in _split(arguments)])
        if function == "foreach":
            return self._foreach(_split(arguments), depth)
        name, _, replacement = inner.partition(":")
        values = self._values(self.expand(name, depth), depth)
        old, equals, new = replacement.partition("=")
        if not equals:
            return values
        return _patsubst([old, new, values] if "%" in old else ["%" + old, "%" + new, values])

    def _foreach(self, parts: list[str], depth: int) -> str:
        if len(parts) != 3:
            return ""
        name, words, body = parts[0].strip(), self.expand(parts[1], depth).split(), parts[2]
        each = (body.replace(f"$({name})", word).replace(f"${{{name}}}", word) for word in words)
        return " ".join(self.expand(one, depth) for one in each)

    def _values(self, name: str, depth: int) -> str:
        """A variable expanded; in its own value ("lib-y := $(patsubst ...,$(lib-y))") the values before."""
        if name in self.expanding:
            return " ".join(value for value in self._named(name) if "$" not in value)
        self.expanding.add(name)
        try:
            return " ".join(self.expand(value, depth) for value in self._named(name))
        finally:
            self.expanding.discard(name)

    def _named(self, name: str) -> Iterator[str]:
        """The values of a variable; for foo-y and foo-objs also those of foo-$(CONFIG_X), which become foo-y."""
        if name in ("src", "obj", "srctree", "objtree"):
            yield "." if name in ("src", "obj") else _TOP
            return
        stem, dash, suffix = name.rpartition("-")
        for known, values in self.values.items():
            if known == name or (dash and suffix in ("y", "objs", "m") and known.startswith(stem + "-$")):
                yield from values


def _both_widths(value: str) -> tuple[str, ...]:
    """$(BITS) is the architecture's word size: process_$(BITS).o means two objects."""
    return (
        (value.replace("$(BITS)", "32"), value.replace("$(BITS)", "64")) if "$(BITS)" in value else (value,)
    )


# Stands for $(srctree) at the start of a path.
_TOP = "/"


def read_makefile(read: Callable[[str], bytes | None], directory: str) -> Makefile | None:
    """The Kbuild file or Makefile of a directory with what it includes; None where there is neither.

    read: path -> content; it is asked for files of the tree only.
    """
    prefix = directory + "/" if directory else ""
    text = read(prefix + "Kbuild")
    if text is None:
        text = read(prefix + "Makefile")
    if text is None:
        return None
    makefile = Makefile(directory)
    pending = [text]
    included = 0
    while pending:
        includes: list[str] = []
        for name, value in _assignments(pending.pop(0), makefile, includes):
            makefile.values.setdefault(name, []).append(value)
        for path in includes:
            content = read(path) if included < _MOST_INCLUDES else None
            included += 1
            if content is not None:
                pending.append(content)
    return makefile


def _assignments(text: bytes, makefile: Makefile, includes: list[str]) -> Iterator[tuple[str, str]]:
    """The assignments of a Makefile in order; the paths of include lines are put into includes."""
    for statement in statements(text.decode("utf-8", "replace")):
        include = _INCLUDE.fullmatch(statement.text)
        if include:
            words = makefile.expand(include.group(1)).split()
            includes += [path for path in (resolve(makefile.directory, word) for word in words) if path]
        elif statement.assignment is not None:
            name = statement.assignment.name
            yield name if "CONFIG_" in name else makefile.expand(name), statement.assignment.value


def resolve(directory: str, word: str) -> str | None:
    """A path of a Makefile, relative to the top of the tree; None where it leaves the tree."""
    joined = word.lstrip("/") if word.startswith(_TOP) else posixpath.join(directory, word)
    path = posixpath.normpath(joined) if joined else ""
    return None if path.startswith("..") or path in ("", ".") else path


def _references(text: str) -> Iterator[tuple[int, int, str]]:
    """The $(...) and ${...} of a text: begin, end and what stands inside; nested ones as part of it."""
    position = 0
    while (begin := text.find("$", position)) >= 0:
        position = begin + 2
        opener = text[begin + 1 : begin + 2]
        if opener not in ("(", "{"):
            yield begin, begin + 2, ""
            continue
        closer = ")" if opener == "(" else "}"
        depth = 1
        while depth and position < len(text):
            depth += (text[position] == opener) - (text[position] == closer)
            position += 1
        yield begin, position, text[begin + 2 : position - 1]


def _split(arguments: str) -> list[str]:
    """Arguments at the commas that stand in no parentheses."""
    parts = [""]
    depth = 0
    for char in arguments:
        depth += (char in "({") - (char in ")}")
        if char == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += char
    return parts


def _patsubst(parts: list[str]) -> str:
    if len(parts) != 3:
        return ""
    before, _, after = parts[0].strip().partition("%")
    pattern = re.compile(re.escape(before) + "(.*)" + re.escape(after))
    replacement = parts[1].strip()
    words = []
    for word in parts[2].split():
        match = pattern.fullmatch(word) if "%" in parts[0] else None
        if match:
            words.append(replacement.replace("%", match.group(1), 1))
        else:
            words.append(replacement if word == parts[0].strip() else word)
    return " ".join(words)


def _affix(parts: list[str], before: bool) -> str:
    affix = parts[0].strip()
    return " ".join(affix + word if before else word + affix for part in parts[1:] for word in part.split())


def _add_prefix(parts: list[str]) -> str:
    return _affix(parts, before=True)


def _add_suffix(parts: list[str]) -> str:
    return _affix(parts, before=False)


def _subst(parts: list[str]) -> str:
    return parts[2].replace(parts[0], parts[1]) if len(parts) == 3 and parts[0] else ""


def _first(parts: list[str]) -> str:
    return parts[0]


def _last(parts: list[str]) -> str:
    return parts[-1]


def _branches(parts: list[str]) -> str:
    return " ".join(parts[1:])


def _without_directory(parts: list[str]) -> str:
    return " ".join(posixpath.basename(word) for word in parts[0].split())


def _without_suffix(parts: list[str]) -> str:
    return " ".join(posixpath.splitext(word)[0] for word in parts[0].split())


_FUNCTIONS: Mapping[str, Callable[[list[str]], str]] = {
    "addprefix": _add_prefix,
    "addsuffix": _add_suffix,
    "patsubst": _patsubst,
    "subst": _subst,
    "sort": _first,
    "strip": _first,
    "filter": _last,
    "filter-out": _last,
    "if": _branches,
    "or": " ".join,
    "and": _last,
    "notdir": _without_directory,
    "basename": _without_suffix,
}
