"""What options select, and a configuration in which one that is selected lacks what it depends on."""

from collections.abc import Iterator

from patchscan.basics.formula import Formula, all_of, config
from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen
from patchscan.kconfig.bringing import files_of
from patchscan.kconfig.entries import ALWAYS, Entry, either
from patchscan.kconfig.logical_lines import statements
from patchscan.kconfig.solve import Configuration as Configuration
from patchscan.kconfig.solve import find_configuration
from patchscan.kconfig.symbols import changed_files
from patchscan.tree.overlay import FileState, View

_ARCHITECTURES = ("x86", "arm64")
_ENTRY = pattern(r"(?:menu)?config\s+(\w+)$")
_BLOCK = pattern(r"(?:menu|endmenu|choice|endchoice|if|endif|source|comment|mainmenu)\b")
_SELECT = pattern(r"select\s+(\w+)\b")
_WORD = pattern(r"\w+")


@frozen
class Select:
    """A line by which an option selects another."""

    line: int
    name: str
    target: str


def selects_in(text: str) -> Iterator[Select]:
    """The selects of a Kconfig file, in order."""
    name = ""
    for statement in statements(text):
        entry, select = _ENTRY.match(statement.text), _SELECT.match(statement.text)
        if entry or _BLOCK.match(statement.text):
            name = entry[1] if entry else ""
        elif select and name:
            yield Select(statement.line, name, select[1])


def unmet(view: View, select: Select) -> Configuration | None:
    """A configuration in which an option selects another and what this depends on is off; None if none is found."""
    files = files_of(view.tree, changed_files(view))
    for architecture in _ARCHITECTURES:
        targets = files.named(select.target, architecture)
        selecting = files.named(select.name, architecture)
        if not targets or not selecting:
            continue
        depends = either(each.depends for each in targets)
        conditions = [each for entry in selecting for each in _conditions(entry, select.target)]
        for condition in conditions if depends != ALWAYS else ():
            found = find_configuration(view, all_of((config(select.name), condition)), depends)
            if found is not None:
                return found
        return None
    return None


def _conditions(entry: Entry, target: str) -> Iterator[Formula]:
    """When an entry selects an option."""
    return (all_of((entry.depends, condition)) for name, condition in entry.selects if name == target)


def missing(view: View, name: str, configuration: Configuration) -> tuple[str, ...]:
    """The options that what an option depends on names, and that are off in a configuration."""
    from patchscan.kconfig.solve import holds_in

    entries = files_of(view.tree, changed_files(view)).named(name, configuration.architecture)
    named = {word for entry in entries for atom in entry.depends.atoms for word in _WORD.findall(atom)}
    return tuple(sorted(each for each in named if holds_in(view, configuration, config(each)) is False))


def without_change(view: View, file: FileState) -> View:
    """A view with one file as it is before its change."""
    return View(view.tree, {**view.changed, file.change.path: file.before})
