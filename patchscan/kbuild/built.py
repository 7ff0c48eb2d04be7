"""When an object is built, exactly: the options of every way through the Makefiles that leads to it.

Only plain lists are read (obj-y, obj-$(CONFIG_X), foo-objs, foo-$(CONFIG_X)), also where options have to be on (ifdef
CONFIG_X); where another conditional, a function or an included file has a say, the answer is None. Language:
Documentation/kbuild/makefiles.rst.
"""

import posixpath
from collections.abc import Mapping
from functools import lru_cache

from patchscan.basics.formula import Formula, all_of, any_of, config
from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen
from patchscan.kbuild.assignments import list_name, statements
from patchscan.kconfig.implied import ARCHITECTURES
from patchscan.tree import Tree
from patchscan.tree.overlay import View

# CFLAGS_fault.o := and its like say how, not whether.
_OF_ONE_OBJECT = pattern(r"\w+_[\w./-]+\.o\s*[:+?]?=(?:(?!\.o\b).)*")
_WORD = pattern(r"[\w./+-]+(?:\.o|/)(?![\w.-])")
_ADDS = pattern(r"[^=]*\+=")
_VARIABLE = pattern(r"(?<!\S)\$[({]([\w.-]+)-y[)}](?!\S)")
# What the Makefile at the top enters beside the directories of its Kbuild file.
_LIBRARIES = "lib"
_MOST_LEVELS = 8
_ALWAYS = all_of(())


@frozen
class _Lists:
    """What a Makefile lists: object or directory -> (stem of the list, the options that must be on).

    unsure: what may stand there in a way that is not understood.
    """

    plain: Mapping[str, tuple[tuple[str, tuple[str, ...]], ...]]
    unsure: frozenset[str]


def built_when(view: View, path: str) -> Formula:
    """When a file of code is compiled, as far as Makefiles say; where they do not plainly, an atom that is not plain.

    A header is as its architecture is: who includes it is not asked.
    """
    parts = path.split("/")
    if path.endswith(".c"):
        built = built_exactly_when(view, path)
        return Formula("atom", f"?built {path}") if built is None else built
    in_architecture = parts[0] == "arch" and len(parts) > 2 and parts[1] in ARCHITECTURES
    return config(ARCHITECTURES[parts[1]]) if in_architecture else _ALWAYS


def built_exactly_when(view: View, path: str) -> Formula | None:
    """When the object of a source file is built: one of its ways, each with all its options; None where not known."""
    directory, _, name = path.rpartition("/")
    if not directory or not name.endswith(".c"):
        return None
    return _object(view, directory, f"{name[:-2]}.o", 0)


def _object(view: View, directory: str, target: str, level: int) -> Formula | None:
    lists = _lists(view, directory)
    if lists is None or target in lists.unsure or level > _MOST_LEVELS:
        return None
    ways: list[Formula | None] = []
    for stem, options in lists.plain.get(target, ()):
        above = (
            _directory(view, directory) if stem == "obj" else _object(view, directory, f"{stem}.o", level + 1)
        )
        ways.append(_both(options, above))
    return _one_of(ways)


def _directory(view: View, directory: str) -> Formula | None:
    """When make enters a directory."""
    parts = directory.split("/")
    if directory == _LIBRARIES:
        return _ALWAYS
    if parts[0] == "arch":
        if len(parts) == 1 or parts[1] not in ARCHITECTURES:
            return None
        if len(parts) == 2:
            return config(ARCHITECTURES[parts[1]])
    for depth in range(len(parts) - 1, -1, -1):
        above = "/".join(parts[:depth])
        lists = _lists(view, above)
        if lists is None:
            continue
        word = "/".join(parts[depth:]) + "/"
        if word in lists.unsure:
            return None
        if word in lists.plain:
            higher = _directory(view, above) if above else _ALWAYS
            ways = lists.plain[word]
            return _one_of([_both(options, higher) if stem == "obj" else None for stem, options in ways])
    return _ALWAYS if len(parts) == 1 and _lists(view, "") is None else None


def _both(options: tuple[str, ...], above: Formula | None) -> Formula | None:
    if above is None or not options:
        return above
    wanted = (*map(config, options), *(above.parts if above.kind == "and" else (above,)))
    return all_of(dict.fromkeys(wanted))


def _one_of(ways: list[Formula | None]) -> Formula | None:
    """One of the ways, None where there is none or one is not known."""
    known = tuple(dict.fromkeys(way for way in ways if way is not None))
    if not known or None in ways:
        return None
    return known[0] if len(known) == 1 else any_of(known)


def _lists(view: View, directory: str) -> _Lists | None:
    """What the Makefile of a directory lists; None where there is none."""
    names = (posixpath.join(directory, "Kbuild"), posixpath.join(directory, "Makefile"))
    if view.tree is not None and not any(name in view.changed for name in names):
        return _lists_of_tree(view.tree, names if directory else names[:1])
    return _first(view, names)


@lru_cache(maxsize=1024)
def _lists_of_tree(tree: Tree, names: tuple[str, ...]) -> _Lists | None:
    return _first(tree, names)


def _first(files: View | Tree, names: tuple[str, ...]) -> _Lists | None:
    text = next((text for name in names if (text := files.read(name)) is not None), None)
    return None if text is None else _read(text)


def _read(text: bytes) -> _Lists:
    plain: dict[str, list[tuple[str, tuple[str, ...]]]] = {}
    unsure: set[str] = set()
    defaults: dict[str, list[str]] = {}
    for statement in statements(text.decode("utf-8", "replace")):
        if _OF_ONE_OBJECT.fullmatch(statement.text):
            continue
        assignment = statement.assignment
        listed = list_name(assignment.name) if assignment is not None else None
        # A variable in a list stands for what its own lists hold.
        value = _VARIABLE.sub(r"\1.o", assignment.value) if assignment is not None else ""
        around = statement.options
        if listed is None or listed.option is None or around is None or "$" in listed.stem + value:
            unsure.update(_WORD.findall(statement.text))
            continue
        options = (*around, *filter(None, (listed.option,)))
        if not _ADDS.match(statement.text):
            # What is set under an option takes the place of what was set without: it is built without that only.
            unsure.update(defaults.pop(listed.stem, ()))
            if not options and listed.suffix == "y":
                defaults[listed.stem] = value.split()
        for each in value.split():
            plain.setdefault(each, []).append((listed.stem, options))
    return _Lists({word: tuple(dict.fromkeys(ways)) for word, ways in plain.items()}, frozenset(unsure))
