"""Faults that no compiler but the linker tells: an export that goes, a select that is missing; how many we tell.

    PATCHSCAN_KERNEL_TREE=... PATCHSCAN_PREPARED=... python -m tests.link_mutations [--seed N] [--count N]

An export goes of which a file that the configuration of PATCHSCAN_PREPARED (see tests.mutations) builds as a module of
another directory calls the symbol. A select goes as a driver is added, whose option alone of what it names brought the
object with an exported function that the driver calls and no header has a stub of. Both are looked for by plain text,
not by what our rules ask.
"""

import argparse
import os
import random
import re
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from patchscan.basics.record import frozen
from patchscan.c.lexical import without_comments
from patchscan.context import Settings
from patchscan.lookup.uses import files_holding
from patchscan.rule import Rule
from patchscan.scan import scan
from patchscan.series import FileChange, Hunk, Line, Series, Thread
from patchscan.settling.registry import load_rules
from patchscan.testing import example_patch
from patchscan.tree import Directory
from patchscan.tree.overlay import View

from tests.compiler_oracle import is_built, options_of
from tests.mutations import change_of, files

EXPORT = re.compile(r"(?m)^EXPORT_SYMBOL(?:_GPL)?\((\w+)\);\n")
ENTRY = re.compile(r"(?m)^(?:menu)?config (\w+)\n((?:[ \t].*\n|\n|#.*\n)*)")
SELECT = re.compile(r"(?m)^[ \t]+select (\w+)[ \t]*\n")
OBJECT = re.compile(r"(?m)^obj-\$\(CONFIG_(\w+)\)[ \t]*\+?=[ \t]*(\w[\w-]*)\.o[ \t]*$")
AROUND = re.compile(r"(?m)^if .*|^menu .*\n(?:[ \t].*\n)*")
EVERYWHERE = 100_000
MOST_SELECTING = 12


class Without(Directory):
    """A tree without one of its files."""

    def __init__(self, path: str, hidden: str) -> None:
        super().__init__(path)
        self.hidden = hidden

    def read(self, path: str) -> bytes | None:
        """See Tree.read()."""
        return None if path == self.hidden else super().read(path)

    def exists(self, path: str) -> bool:
        """See Tree.exists()."""
        return path != self.hidden and super().exists(path)

    def files(self, under: str = "", deep: bool = True) -> Iterator[str]:
        """See Tree.files()."""
        return (path for path in super().files(under, deep) if path != self.hidden)


@frozen
class Entry:
    """An option: the Kconfig file that defines it, the lines of its entry, whether nobody is asked for it."""

    path: str
    body: str
    hidden: bool

    @property
    def selected(self) -> frozenset[str]:
        """What it selects without a condition."""
        return frozenset(SELECT.findall(self.body))


def calls(text: bytes, name: str) -> bool:
    """Whether a text calls a function and does not define it."""
    code = without_comments(text).decode("latin-1")
    own = re.search(rf"(?m)^(?:\w.*)?\b{name}\([^;]*$|#[ \t]*define[ \t]+{name}\b", code)
    return own is None and re.search(rf"(?m)^[ \t].*(?<![\w.>]){name}\s*\(", code) is not None


@cache
def objects(root: str, directory: str) -> Mapping[str, str]:
    """C file -> the option of its own that builds it, for those that are an object by themselves."""
    makefile = Path(root, directory, "Makefile")
    text = makefile.read_text(errors="replace") if makefile.exists() else ""
    parts = set(re.findall(r"(?m)^(\w[\w-]*)-(?:y|objs|\$\(CONFIG_\w+\))[ \t]*[+:]?=", text))
    return {f"{directory}/{name}.c": option for option, name in OBJECT.findall(text) if name not in parts}


def lost_exports(root: str, prepared: str, choose: random.Random) -> Iterator[tuple[str, str, str]]:
    """(path, text, mutant): an export gone that a module of another directory needs."""
    tree = Directory(root)
    view, on = View(tree, {}), options_of(prepared)
    modules = options_of(prepared, "m")
    paths = files(root)
    for path in choose.sample(paths, len(paths)):
        text = Path(root, path).read_text(errors="surrogateescape")
        found = list(EXPORT.finditer(text))
        if not found or not text.isascii() or not is_built(view, path, on):
            continue
        export = choose.choice(found)
        directory = os.path.dirname(path)
        for user in files_holding(view, export[1], most=EVERYWHERE)[0]:
            elsewhere = os.path.dirname(user)
            if user.endswith(".c") and not elsewhere.startswith(directory):
                option = objects(root, elsewhere).get(user, "")
                if option in modules and calls(tree.read(user) or b"", export[1]):
                    yield path, text, text[: export.start()] + text[export.end() :]
                    break


def names_in(text: str) -> frozenset[str]:
    """The options that a text seems to name, its help left out."""
    return frozenset(re.findall(r"\b[A-Z][A-Z0-9_]{2,}\b", re.split(r"(?m)^[ \t]+help\b", text)[0]))


@cache
def entries(root: str) -> Mapping[str, Entry]:
    """The options with one entry only, by name."""
    return {name: each[0] for name, each in all_entries(root).items() if len(each) == 1}


@cache
def all_entries(root: str) -> Mapping[str, list[Entry]]:
    """The entries of each option."""
    found: dict[str, list[Entry]] = {}
    for path in sorted(Path(root).rglob("Kconfig*")):
        for name, body in ENTRY.findall(path.read_text(errors="replace")):
            hidden = (
                re.search(r"(?m)^[ \t]+(?:bool|tristate)[ \t]*$", body) is not None and "prompt" not in body
            )
            found.setdefault(name, []).append(Entry(str(path.relative_to(root)), body, hidden))
    return found


@cache
def named_around(root: str, path: str) -> frozenset[str]:
    """The options that an if or a menu of a Kconfig file names, whatever entries stand in it."""
    text = Path(root, path).read_text(errors="replace")
    return names_in("\n".join(AROUND.findall(text)))


@cache
def named_by(root: str, name: str) -> frozenset[str]:
    """The options that the entries of an option name."""
    found = (names_in(each.body) for each in all_entries(root).get(name, ()))
    return frozenset().union(*found) - {name}


@cache
def selected_by(root: str, name: str) -> tuple[Entry, ...]:
    """The entries that select an option that nobody is asked for: it is on only where one of them is."""
    own = all_entries(root).get(name, [])
    others = (entry for found in all_entries(root).values() for entry in found)
    return tuple(each for each in others if name in each.selected) if all(each.hidden for each in own) else ()


def brings(root: str, names: frozenset[str], wanted: str) -> bool:
    """Whether some options, by what they name or by what that names in turn, may bring another along."""
    seen: set[str] = set()
    waiting = sorted(names)
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting += sorted(named_by(root, name))
            selecting = selected_by(root, name)
            if selecting and all(wanted in each.selected for each in selecting):
                return True
    return wanted in seen


def missing_selects(root: str, choose: random.Random) -> Iterator[tuple[str, str, str]]:
    """(C file, its option, what that no longer selects), the entry of the option being the only one that helps."""
    known = entries(root)
    makers = {
        option: path
        for makefile in sorted(Path(root).rglob("Makefile"))
        for path, option in objects(root, str(makefile.parent.relative_to(root))).items()
    }
    selecting: dict[str, int] = {}
    for entry in known.values():
        for name in entry.selected:
            selecting[name] = selecting.get(name, 0) + 1
    pairs = [
        (option, wanted)
        for option, entry in sorted(known.items())
        for wanted in sorted(entry.selected)
        if option in makers and wanted in makers and wanted in known and known[wanted].hidden
        if selecting[wanted] <= MOST_SELECTING
    ]
    view = View(Directory(root), {})
    for option, wanted in choose.sample(pairs, len(pairs)):
        user, maker = (Path(root, makers[each]) for each in (option, wanted))
        entry = known[option]
        rest = re.sub(rf"(?m)^[ \t]+select {wanted}[ \t]*\n", "", entry.body)
        if not (user.exists() and maker.exists()) or brings(
            root, names_in(rest) | named_around(root, entry.path), wanted
        ):
            continue
        text = user.read_bytes()
        names = sorted(set(EXPORT.findall(maker.read_text(errors="replace"))))
        for name in (each for each in names if calls(text, each)):
            headers = [path for path in files_holding(view, name, most=EVERYWHERE)[0] if path.endswith(".h")]
            texts = (Path(root, path).read_text(errors="replace") for path in headers)
            if not any(re.search(rf"inline[^;{{]*\b{name}\(|define[ \t]+{name}\b", each) for each in texts):
                yield makers[option], option, wanted
                break


def says(tree: Directory, rules: list[Rule], changes: tuple[FileChange, ...], named: str = "") -> bool:
    """Whether the rules say something of a patch that names an option."""
    patch = example_patch(1, 1, "x: change", [], changes)
    report = scan(
        Thread((Series("x", 1, "a@b.c", None, (patch,), ()),), (), ()), tree, rules, Settings({}, False)
    )
    return any(named in each.message for each in report.findings)


def addition(path: str, text: str) -> FileChange:
    """The change that makes a file."""
    lines = text.removesuffix("\n").split("\n")
    added = tuple(Line("+", line, None, number) for number, line in enumerate(lines, 1))
    return FileChange(path, None, "create", (Hunk(0, 0, 1, len(lines), "", added),))


def tells_select(root: str, rules: list[Rule], path: str, option: str, wanted: str) -> bool:
    """Whether the rules tell that a driver which is added lacks a select."""
    kconfig = entries(root)[option].path
    old = Path(root, kconfig).read_text()
    body = entries(root)[option].body
    new = old.replace(body, re.sub(rf"(?m)^[ \t]+select {wanted}[ \t]*\n", "", body))
    changes = (
        change_of(kconfig, old.removesuffix("\n"), new.removesuffix("\n")),
        addition(path, Path(root, path).read_text(errors="surrogateescape")),
    )
    return says(Without(root, path), rules, changes, f"CONFIG_{wanted}")


def main() -> int:
    """Print how many of each kind were told."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seed", type=int, default=None)
    options.add_argument("--count", type=int, default=10)
    asked = options.parse_args()
    root, prepared = os.environ["PATCHSCAN_KERNEL_TREE"], os.environ["PATCHSCAN_PREPARED"]
    seed = asked.seed if asked.seed is not None else random.SystemRandom().randrange(10**6)
    choose = random.Random(seed)
    by_name = {rule.name: rule for rule in load_rules()[0]}
    tree = Directory(root)
    told = made = 0
    for (path, old, new), _ in zip(lost_exports(root, prepared, choose), range(asked.count), strict=False):
        change = change_of(path, old.removesuffix("\n"), new.removesuffix("\n"))
        right = says(tree, [by_name["lost-export"]], (change,))
        made, told = made + 1, told + right
        if not right:
            print(f"missed export {path}", flush=True)
    print(f"seed {seed}\nexport {made:4} mutants, {told:4} told", flush=True)
    told = made = 0
    for (path, option, wanted), _ in zip(missing_selects(root, choose), range(asked.count), strict=False):
        right = tells_select(root, [by_name["undefined-reference"]], path, option, wanted)
        made, told = made + 1, told + right
        if not right:
            print(f"missed select {wanted} of {option} ({path})", flush=True)
    print(f"select {made:4} mutants, {told:4} told")
    return 0


if __name__ == "__main__":
    sys.exit(main())
