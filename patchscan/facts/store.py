"""Where facts are kept: one SQLite file a tree, a table a kind, a row for each content that was looked into.

The key is the content (git's blob), so that a fact is never stale: a file that changed has another key, whatever its
path and times. What is stored was computed from the same bytes by the same readers (see readers_version), and each row
has a digest; one that is damaged is computed again. To lose the file costs time alone. Nothing is stored of what a
series makes of a file.
"""

import atexit
import contextlib
import hashlib
import json
import os
import sqlite3
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeVar

from patchscan.basics.streams import say_aside
from patchscan.c.source import parse
from patchscan.facts.kind import Kind, all_kinds, readers_version
from patchscan.tree import Tree
from patchscan.tree.index.blob import blob_of
from patchscan.tree.index.location import index_directory

Fact = TypeVar("Fact")
FILE = "facts.sqlite"
# Raise it whenever the layout of the file changes.
_LAYOUT = 1
_DIGEST_SIZE = 8
_WAIT = 0.5
_MOST_PENDING = 400
_MOST_BYTES = 1 << 30
Row = tuple[bytes, bytes]


class Store:
    """The facts of one tree; a store that cannot be read or written is none, and everything is computed."""

    def __init__(self, directory: str, wait: float = _WAIT, pending: int = _MOST_PENDING) -> None:
        self.path = os.path.join(directory, FILE)
        self.wait = wait
        self.most_pending = pending
        self.computed = 0
        self._pending: dict[str, dict[bytes, bytes]] = {}
        self._later: dict[tuple[str, bytes], Callable[[], bytes]] = {}
        self._owner = 0
        self._database: sqlite3.Connection | None = None

    def facts(self, kind: Kind[Fact], content: bytes, path: str) -> tuple[Fact, ...]:
        """The facts of a content, kept or computed and then kept; path: what a reader may call it."""
        blob = blob_of(content)
        kept = self._kept(kind, blob)
        if kept is not None:
            with contextlib.suppress(TypeError):
                return kind.facts(kept)
        self.computed += 1
        rows = kind.rows(parse(content, path))
        self._keep(kind.name, blob, packed(blob, rows))
        return kind.facts(rows)

    def known(self, kind: Kind[Fact], content: bytes) -> tuple[Fact, ...] | None:
        """The facts that are kept of a content, None where none are: nothing is computed."""
        kept = self._kept(kind, blob_of(content))
        if kept is not None:
            with contextlib.suppress(TypeError):
                return kind.facts(kept)
        return None

    def recall(self, name: str, key: bytes) -> list[Any] | None:
        """What was remembered under a key that says all it rests on, None where nothing was."""
        stored = self.stored(name, key)
        return unpacked(key, stored) if stored is not None else None

    def remember(self, name: str, key: bytes, rows: list[Any]) -> None:
        """Keep something beside the facts, under a key that says all it rests on; it goes when they are refreshed."""
        self._keep(name, key, packed(key, rows))

    def has_all(self, blob: bytes) -> bool:
        """Whether facts of every kind are kept of a content."""
        return all(self.stored(kind.name, blob) is not None for kind in all_kinds())

    def _kept(self, kind: Kind[Any], blob: bytes) -> list[list[Any]] | None:
        stored = self.stored(kind.name, blob)
        return unpacked(blob, stored) if stored is not None else None

    def stored(self, kind: str, blob: bytes) -> bytes | None:
        """The bytes that are kept under a name and a key, None where none are."""
        pending = self._pending.get(kind, {}).get(blob)
        if pending is not None:
            return pending
        try:
            database = self._connection()
            question = f"SELECT rows FROM facts_{kind} WHERE blob = ?"
            found = database.execute(question, (blob,)).fetchone() if database else None
        except sqlite3.Error:
            return None
        return found[0] if found and isinstance(found[0], bytes) else None

    def keep_later(self, name: str, key: bytes, give: Callable[[], bytes]) -> None:
        """Keep bytes that are given when all else is written, by this process; they go as what is remembered does."""
        self._own()
        self._later[name, key] = give

    def _own(self) -> None:
        if self._owner != os.getpid():
            self._owner = os.getpid()
            self._pending, self._later = {}, {}
            atexit.register(self.end)

    def end(self) -> None:
        """Write what was computed, and what was to be given last."""
        if self._owner == os.getpid():
            for (name, key), give in self._later.items():
                self._pending.setdefault(name, {})[key] = give()
            self._later = {}
        self.flush()

    def _keep(self, kind: str, blob: bytes, rows: bytes) -> None:
        self._own()
        self._pending.setdefault(kind, {})[blob] = rows
        if sum(map(len, self._pending.values())) >= self.most_pending:
            self.flush()

    def flush(self) -> None:
        """Write what was computed; in vain where that cannot be done now."""
        with contextlib.suppress(sqlite3.Error, OSError):
            self.write()
        self._pending = {}

    def write(self) -> None:
        """Write what was computed. Raises sqlite3.Error, OSError."""
        if not self._pending or self._owner != os.getpid():
            return
        os.makedirs(os.path.dirname(self.path), mode=0o700, exist_ok=True)
        fresh = not os.path.exists(self.path)
        self.close()
        try:
            write_rows(self.path, self._pending, self.wait)
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError:
            # It is damaged; all that it held can be computed.
            os.unlink(self.path)
            write_rows(self.path, self._pending, self.wait)
        if fresh:
            say_aside(f"patchscan: facts of the tree are kept in {self.path} from now on")
        self._pending = {}

    def close(self) -> None:
        """Close the connection; the next question opens it again."""
        if self._database is not None and self._owner_of_connection == os.getpid():
            self._database.close()
        self._database = None

    def _connection(self) -> sqlite3.Connection | None:
        """A connection of this process that reads, None where there is no store of these readers."""
        if self._database is not None and self._owner_of_connection == os.getpid():
            return self._database
        self._database = None
        if os.path.exists(self.path):
            quoted = self.path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
            database = sqlite3.connect(f"file:{quoted}?mode=ro", uri=True, timeout=self.wait)
            if database.execute("SELECT version FROM readers").fetchone() == (_version(),):
                self._database = database
                self._owner_of_connection = os.getpid()
        return self._database

    _owner_of_connection = 0


def _version() -> str:
    return f"{_LAYOUT}-{readers_version()}"


def write_rows(path: str, pending: Mapping[str, Mapping[bytes, bytes]], wait: float) -> None:
    """Add rows to a store, made anew where it is of other readers or has grown too large. Raises sqlite3.Error."""
    with contextlib.closing(sqlite3.connect(path, timeout=wait, isolation_level=None)) as database:
        database.execute("PRAGMA synchronous = NORMAL")
        database.execute("BEGIN IMMEDIATE")
        database.execute("CREATE TABLE IF NOT EXISTS readers (version TEXT NOT NULL)")
        (pages,), (size,) = (
            database.execute(f"PRAGMA {what}").fetchone() for what in ("page_count", "page_size")
        )
        if (
            database.execute("SELECT version FROM readers").fetchone() != (_version(),)
            or pages * size > _MOST_BYTES
        ):
            tables = database.execute("SELECT name FROM sqlite_master WHERE name LIKE 'facts_%'").fetchall()
            for (name,) in tables:
                database.execute(f'DROP TABLE "{name}"')
            database.execute("DELETE FROM readers")
            database.execute("INSERT INTO readers VALUES (?)", (_version(),))
        for kind, rows in pending.items():
            database.execute(
                f"CREATE TABLE IF NOT EXISTS facts_{kind} (blob BLOB PRIMARY KEY, rows BLOB NOT NULL)"
            )
            database.executemany(f"INSERT OR REPLACE INTO facts_{kind} VALUES (?, ?)", rows.items())
        database.execute("COMMIT")


def forget_others(path: str, blobs: Iterable[bytes], wait: float) -> int:
    """Take away the facts of all contents but some; how many rows went. Raises sqlite3.Error."""
    gone = 0
    with contextlib.closing(sqlite3.connect(path, timeout=wait, isolation_level=None)) as database:
        database.execute("CREATE TEMP TABLE held (blob BLOB PRIMARY KEY) WITHOUT ROWID")
        database.executemany("INSERT OR IGNORE INTO held VALUES (?)", ((blob,) for blob in blobs))
        tables = database.execute(
            "SELECT name FROM sqlite_master WHERE name LIKE 'facts_%' AND type = 'table'"
        )
        for (name,) in tables.fetchall():
            gone += database.execute(
                f'DELETE FROM "{name}" WHERE blob NOT IN (SELECT blob FROM held)'
            ).rowcount
    return gone


def packed(blob: bytes, rows: Sequence[Sequence[Any]]) -> bytes:
    """Rows as they are stored."""
    text = zlib.compress(json.dumps(rows, separators=(",", ":")).encode(), 6)
    return _digest(blob, text) + text


def unpacked(blob: bytes, stored: bytes) -> list[list[Any]] | None:
    """The rows that were stored of a content, None where they are damaged."""
    digest, text = stored[:_DIGEST_SIZE], stored[_DIGEST_SIZE:]
    if digest != _digest(blob, text):
        return None
    found: list[list[Any]] = json.loads(zlib.decompress(text))
    return found


def _digest(blob: bytes, text: bytes) -> bytes:
    return hashlib.blake2b(text, digest_size=_DIGEST_SIZE, key=blob).digest()


@lru_cache(maxsize=4)
def store_of(tree: Tree) -> Store:
    """The store of a tree."""
    return Store(index_directory(tree))
