"""Files whose times alone are not as they were when they were indexed (chmod, cp -al, touch, git checkout and back).

Each is read once and its blob compared with that of what was indexed; the rows of its directory with the marks of today
are then kept beside the index, in a file that holds for one seal only. It is replaced as a whole and begins with a
digest: one that is damaged, half written or of another index is not used, and what it said is found out again.
"""

import contextlib
import hashlib
import json
import os
import struct
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

from patchscan.basics.record import frozen
from patchscan.tree.index.blob import marked_blobs
from patchscan.tree.index.comparison import RACY_NANOSECONDS, Difference, Mark, Row, renewed

_LENGTHS = struct.Struct("<III")
_DIGEST_SIZE = 20


@frozen
class Confirmed:
    """The rows of today of some directories, in a file that belongs to one seal."""

    path: str
    seal: Mapping[str, object]

    def over(self, rows: Sequence[Row]) -> list[Row]:
        """Rows of the index, those of today in place of older ones."""
        today = {row[0]: row for row in self._read()}
        # A directory has the same files in both, or the row is none of this index.
        return [today[row[0]] if row[0] in today and today[row[0]][1] == row[1] else row for row in rows]

    def keep(self, rows: Sequence[Row]) -> None:
        """Keep some rows more; in vain where the cache cannot be written."""
        # Imported here: it takes longer than most rules.
        import tempfile

        today = {row[0]: row for row in (*self._read(), *rows)}
        content = b"".join(_LENGTHS.pack(*map(len, row)) + b"".join(row) for row in today.values())
        with contextlib.suppress(OSError):
            descriptor, name = tempfile.mkstemp(dir=os.path.dirname(self.path), prefix="marks-")
            try:
                with open(descriptor, "wb") as stream:
                    stream.write(self._digest(content) + content)
                os.replace(name, self.path)
            except OSError:
                os.unlink(name)

    def _read(self) -> list[Row]:
        try:
            with open(self.path, "rb") as stream:
                content = stream.read()
        except OSError:
            return []
        digest, content = content[:_DIGEST_SIZE], content[_DIGEST_SIZE:]
        return list(_rows(content)) if digest == self._digest(content) else []

    def _digest(self, content: bytes) -> bytes:
        seal = json.dumps(self.seal, sort_keys=True).encode()
        return hashlib.blake2b(content, digest_size=_DIGEST_SIZE, key=hashlib.sha256(seal).digest()).digest()


def _rows(content: bytes) -> Iterator[Row]:
    place = 0
    while place < len(content):
        parts = []
        lengths = _LENGTHS.unpack_from(content, place)
        place += _LENGTHS.size
        for length in lengths:
            parts.append(content[place : place + length])
            place += length
        yield parts[0], parts[1], parts[2]


def confirm(
    root: str,
    rows: Sequence[Row],
    difference: Difference,
    blobs: Callable[[], Mapping[str, bytes]],
    confirmed: Confirmed,
) -> Difference:
    """A difference without the files that hold what was indexed; their marks of today are kept.

    rows: what was compared; blobs: of what was indexed, by path.
    """
    if not difference.touched and not difference.directories:
        return difference
    known = blobs() if difference.touched else {}
    paths = sorted(difference.touched.keys() & known.keys())
    now = time.time_ns()
    same: dict[str, Mark] = {}
    for path, found in zip(paths, marked_blobs(root, paths), strict=True):
        if found == (difference.touched[path], known[path]):
            same[path] = difference.touched[path]
    settled = {path: one for path, one in same.items() if _is_settled(one, now)}
    directories = {path: one for path, one in difference.directories.items() if _is_settled(one, now)}
    changed = renewed(rows, directories, settled)
    if changed:
        confirmed.keep(changed)
    return Difference(difference.stale - same.keys(), difference.behind)


def _is_settled(one: Mark, now: int) -> bool:
    """Whether a change after this moment gives another mark."""
    return max(one[1:]) < now - RACY_NANOSECONDS
