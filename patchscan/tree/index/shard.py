"""What one SQLite file of an index holds, and what it needs to fit its tree."""

import os
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from zlib import crc32

from patchscan.basics.record import frozen
from patchscan.tree.index.listing import Listing
from patchscan.tree.index.lookup import KINDS

# An index of before it had them is of the same format: they come with its first refresh.
BLOBS = "CREATE TABLE IF NOT EXISTS blobs (id INTEGER PRIMARY KEY, blob BLOB NOT NULL);"
_MOST_DEAD_ROWS = 0.5


@frozen
class Held:
    """A row of a shard: its file, as it was when it was taken in; blob: None in an index of before blobs."""

    row: int
    path: str
    mark: str
    blob: bytes | None


@frozen
class Plan:
    """What one shard needs: files to take in (path, mark), rows to drop, and whether to make it anew.

    held: of the files to take in those that have a row with a blob, which may be the same still; unnamed: rows of files
    that are as they were but have no blob yet.
    """

    shard: str
    wanted: tuple[tuple[str, str], ...]
    dropped: tuple[int, ...]
    anew: bool
    held: Mapping[str, Held]
    unnamed: tuple[Held, ...]


def plan_for(directory: str, shard: str, listing: Listing) -> Plan:
    """What is missing from a shard, and what is too much in it."""
    path = os.path.join(directory, shard)
    marks = {name: mark for name, (mark, _) in listing.files.items() if _shard_of(name) == shard}
    known, rows_ever = _known(path)
    anew = rows_ever < 0 or rows_ever - len(known) > _MOST_DEAD_ROWS * max(len(known), 1000)
    if anew:
        known = {}
    wanted = [name for name, mark in marks.items() if name not in known or known[name].mark != mark]
    held = {name: known[name] for name in wanted if name in known and known[name].blob}
    dropped = [one.row for name, one in known.items() if marks.get(name) != one.mark and name not in held]
    # Of a revision the mark is the blob.
    unnamed = [
        one for one in known.values() if not one.blob and listing.directories and one.row not in dropped
    ]
    return Plan(
        path,
        tuple((name, marks[name]) for name in sorted(wanted)),
        tuple(sorted(dropped)),
        anew,
        held,
        tuple(unnamed),
    )


def _shard_of(path: str) -> str:
    name = path.rpartition("/")[2]
    shards = next(kind for kind in KINDS if kind.has_name(name)).shards
    return shards[crc32(os.fsencode(path)) % len(shards)]


def _known(path: str) -> tuple[dict[str, Held], int]:
    """What a shard holds, by path, and how many rows it ever had; -1 if it is not there or damaged."""
    if not os.path.exists(path):
        return {}, -1
    try:
        with closing(sqlite3.connect(path)) as database:
            rows = database.execute("SELECT id, path, mark FROM files").fetchall()
            has_blobs = database.execute("SELECT 1 FROM sqlite_master WHERE name = 'blobs'").fetchone()
            blobs = dict(database.execute("SELECT id, blob FROM blobs")) if has_blobs else {}
            (ever,) = database.execute("SELECT coalesce(max(seq), 0) FROM sqlite_sequence").fetchone()
    except sqlite3.Error:
        return {}, -1
    held = (Held(row, os.fsdecode(name), mark, blobs.get(row)) for row, name, mark in rows)
    return {one.path: one for one in held}, ever


def is_needed(plan: Plan) -> bool:
    """Whether a plan changes anything."""
    return bool(plan.wanted or plan.dropped or plan.anew or plan.unnamed)
