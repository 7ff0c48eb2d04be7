"""What the Kconfig files of a tree say, as tables: who defines a symbol, who selects it, who demands what.

They are those of an index of the tree. It depends on the content of a file alone, so it holds for every file that is as
it was when it was indexed; where some are not, a copy in memory is brought up to date, and where there is no index all
files are read into one.
"""

import json
import os
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from functools import lru_cache
from typing import Any, TypeVar

from patchscan.basics.buildfiles import is_kconfig
from patchscan.basics.record import frozen
from patchscan.kconfig.demands import NOTHING, Demands, FileDemands, parse
from patchscan.kconfig.entries import WIDTH, Definition, definitions_in
from patchscan.tree import Tree
from patchscan.tree.index.lookup import KCONFIG_FILES, Index, connect_to_read, open_index, path_of, read_seal
from patchscan.tree.index.search import files_where

# files.id is what `file` stands for.
SCHEMA = """
CREATE TABLE definitions (name TEXT, file INTEGER, line INTEGER, kind TEXT, prompt INTEGER, choice INTEGER,
    PRIMARY KEY (name, file, line)) WITHOUT ROWID;
CREATE TABLE selects (selected TEXT, file INTEGER, name TEXT,
    PRIMARY KEY (selected, file, name)) WITHOUT ROWID;
CREATE TABLE demands (file INTEGER PRIMARY KEY, demands TEXT NOT NULL);
"""
_TABLES = ("definitions", "selects", "demands")

Answer = TypeVar("Answer")


def take_in(database: sqlite3.Connection, file: int, content: bytes) -> None:
    """Add what a Kconfig file says."""
    found = tuple(definitions_in(content))
    definitions = [(one.name, file, one.line, one.kind, one.prompt, one.choice) for one in found]
    selects = {(selected, file, one.name) for one in found for selected in one.selects}
    database.executemany("INSERT INTO definitions VALUES (?, ?, ?, ?, ?, ?)", definitions)
    database.executemany("INSERT INTO selects VALUES (?, ?, ?)", sorted(selects))
    database.execute("INSERT INTO demands VALUES (?, ?)", (file, _written(parse(content))))


def forget_dropped(database: sqlite3.Connection) -> None:
    """Take away what files said that have no row any more."""
    for table in _TABLES:
        database.execute(f"DELETE FROM {table} WHERE file NOT IN (SELECT id FROM files)")


@frozen
class Said:
    """What the files of a tree say of a symbol, by path: its definitions, and the symbols that select it."""

    definitions: list[tuple[str, Definition]]
    selected_by: list[tuple[str, str]]


def ask_for_symbol(tree: Tree, name: str) -> Said:
    """What the files of a tree say of a symbol."""
    return _ask(tree, lambda tables: tables.symbol(name))


def ask_for_file(tree: Tree, path: str) -> FileDemands | None:
    """What a Kconfig file demands, None where there is none of that path."""
    return _ask(tree, lambda tables: tables.file(path))


def ask_for_sources(tree: Tree) -> Mapping[str, tuple[str, ...]]:
    """Which files source another, by what they call it."""
    return _ask(tree, lambda tables: tables.sources())


def ask_for_moved(tree: Tree) -> frozenset[str]:
    """The options that may be on though nobody chooses them: by a default, a choice or another option."""
    return _ask(tree, lambda tables: tables.moved())


def _ask(tree: Tree, question: "Callable[[_Tables], Answer]") -> Answer:
    usable = _usable(tree, os.getpid())
    try:
        return usable[0].ask(question)
    except sqlite3.Error:
        # The index was changed or is damaged.
        usable[:] = [_in_memory(tree)]
        return usable[0].ask(question)


@lru_cache(maxsize=4)
def _usable(tree: Tree, process: int) -> "list[_Tables]":
    """The tables of a tree; others when they fail. A process its own: no connection outlives a fork."""
    index = open_index(tree)
    try:
        return [_of_index(tree, index) if index else _in_memory(tree)]
    except sqlite3.Error:
        return [_in_memory(tree)]


def _of_index(tree: Tree, index: Index) -> "_Tables":
    """The tables of an index as the tree is now. Raises sqlite3.Error."""
    stale = index.stale(KCONFIG_FILES)
    tables = _Tables(connect_to_read(os.path.join(index.directory, *KCONFIG_FILES.shards)))
    # From here on the version tells whether it still is what was compared with the tree.
    if read_seal(index.directory) != index.seal:
        raise sqlite3.OperationalError("the index has changed")
    if not stale:
        return tables
    memory = sqlite3.connect(":memory:")
    with closing(tables.database) as database:
        database.backup(memory)
    memory.executemany("DELETE FROM files WHERE path = ?", [(os.fsencode(path),) for path in stale])
    forget_dropped(memory)
    return _read_into(memory, tree, stale.intersection(files_where(tree, is_kconfig)))


def _in_memory(tree: Tree) -> "_Tables":
    """The tables of a tree that has no index to be trusted."""
    memory = sqlite3.connect(":memory:")
    memory.executescript(
        "CREATE TABLE files (id INTEGER PRIMARY KEY, path BLOB NOT NULL, mark TEXT);" + SCHEMA
    )
    return _read_into(memory, tree, files_where(tree, is_kconfig))


def _read_into(memory: sqlite3.Connection, tree: Tree, paths: Iterable[str]) -> "_Tables":
    for path in sorted(paths):
        row = memory.execute("INSERT INTO files (path, mark) VALUES (?, '')", (os.fsencode(path),)).lastrowid
        if row is not None:
            take_in(memory, row, tree.read(path) or b"")
    memory.commit()
    return _Tables(memory)


class _Tables:
    """Tables over one connection; they hold for the files as they were when it was opened.

    Every method raises sqlite3.Error where they cannot be used.
    """

    def __init__(self, database: sqlite3.Connection) -> None:
        self.database = database
        # Transactions are ours: one holds for a question, and no lock longer.
        self.database.isolation_level = None
        self.version = self._version()
        rows = self.database.execute("SELECT path, id FROM files")
        self.rows = {path_of(name): row for name, row in rows}
        self.paths = {row: path for path, row in self.rows.items()}

    def ask(self, question: "Callable[[_Tables], Answer]") -> Answer:
        """The answer to a question, all of it from one state of the tables, which is that of the beginning."""
        self.database.execute("BEGIN")
        try:
            if self._version() != self.version:
                raise sqlite3.OperationalError("the index has changed")
            return question(self)
        finally:
            self.database.execute("ROLLBACK")

    def _version(self) -> Any:
        """Another one, once a writer has changed anything."""
        return self.database.execute("PRAGMA data_version").fetchone()

    def symbol(self, name: str) -> Said:
        """See ask_for_symbol()."""
        definitions = self.database.execute(_DEFINITIONS, (name,)).fetchall()
        selects = self.database.execute(_SELECTS, (name,)).fetchall()
        return Said(
            [
                (self.paths[row[0]], _definition(name, *row[1:]))
                for row in definitions
                if row[0] in self.paths
            ],
            [_selector(self.paths[file], by) for file, by in selects if file in self.paths],
        )

    def file(self, path: str) -> FileDemands | None:
        """See ask_for_file()."""
        row = self.rows.get(path)
        found = self.database.execute(_DEMANDS, (row,)).fetchone()
        if found is None and row is not None:
            raise sqlite3.DatabaseError("a file without its demands")
        return found and _read(found[0])

    def sources(self) -> Mapping[str, tuple[str, ...]]:
        """See ask_for_sources()."""
        found: dict[str, list[str]] = {}
        for file, name in self.database.execute(_SOURCES):
            if file in self.paths:
                found.setdefault(str(name), []).append(self.paths[file])
        return {name: tuple(sorted(paths)) for name, paths in found.items()}

    def moved(self) -> frozenset[str]:
        """See ask_for_moved()."""
        by_default = frozenset(self.database.execute(_BY_DEFAULT))
        places = self.database.execute(_PLACES)
        moved = {str(name) for name, file, line, more in places if more or (file, line) in by_default}
        moved.update(str(name) for (name,) in self.database.execute("SELECT DISTINCT selected FROM selects"))
        return frozenset(moved)


_DEFINITIONS = "SELECT file, line, kind, prompt, choice FROM definitions WHERE name = ?"
_SELECTS = "SELECT file, name FROM selects WHERE selected = ?"
_DEMANDS = "SELECT demands FROM demands WHERE file = ?"
_PLACES = "SELECT name, file, line, choice OR kind NOT IN ('bool', 'tristate') FROM definitions"
# What _written() puts first of an entry, where it puts true last.
_BY_DEFAULT = """
SELECT file, json_extract(value, '$[0]') FROM demands, json_each(demands, '$[0]') WHERE json_extract(value, '$[4]')
"""
# What _written() puts last.
_SOURCES = "SELECT file, json_extract(value, '$[0]') FROM demands, json_each(demands, '$[2]')"


def _definition(name: str, line: Any, kind: Any, prompt: Any, choice: Any) -> Definition:
    if not isinstance(line, int) or kind not in WIDTH:
        raise sqlite3.DatabaseError("no definition of a symbol")
    return Definition(name, line, bool(choice), kind, bool(prompt))


def _selector(path: str, name: Any) -> tuple[str, str]:
    if not isinstance(name, str):
        raise sqlite3.DatabaseError("no name of a symbol")
    return path, name


def _written(file: FileDemands) -> str:
    """The text that _read() reads."""
    entries = [
        [
            line,
            sorted(one.always),
            sorted(one.default),
            sorted([option, sorted(when), whole] for option, when, whole in one.selects),
            one.by_default,
        ]
        for line, one in file.entries.items()
    ]
    sources = [[path, sorted(around)] for path, around in file.sources.items()]
    return json.dumps([entries, sorted(file.constant), sources], separators=(",", ":"))


def _read(text: Any) -> FileDemands:
    """A file as _written() wrote it. Raises sqlite3.DatabaseError."""
    file = FileDemands()
    # To add nothing to a value is the cheapest way to see whether it is what it should be.
    try:
        entries, constant, sources = json.loads(text)
        for line, always, default, conditional, by_default in entries:
            file.entries[line + 0] = Demands(
                _names(always),
                _names(default),
                frozenset((option + "", _names(when), bool(whole)) for option, when, whole in conditional),
                bool(by_default),
            )
        file.constant.update(_names(constant))
        file.sources.update((path + "", _names(around)) for path, around in sources)
    except (ValueError, TypeError, RecursionError) as error:
        raise sqlite3.DatabaseError(f"no demands of a file: {error}") from error
    return file


def _names(listed: Any) -> frozenset[str]:
    if not isinstance(listed, list):
        raise TypeError("no list of names")
    "".join(listed)
    return frozenset(listed) if listed else NOTHING
