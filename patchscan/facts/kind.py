"""A kind of fact: what a small function finds in one C text, as flat records."""

import hashlib
import os
import pkgutil
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from importlib import import_module
from typing import Any, Generic, TypeVar

import patchscan.c
import patchscan.facts
import patchscan.flow
import patchscan.kconfig
from patchscan.basics.marked import made_of
from patchscan.basics.ourtables import table_path
from patchscan.basics.record import frozen
from patchscan.c.source import Source

Fact = TypeVar("Fact")
_PREFIX = "of_"
_KEPT = "readers.kept"
# The tables that tell what calls return and free.
TABLES = ("resources.toml", "conventions.toml")


@frozen(eq=False)
class Kind(Generic[Fact]):
    """A kind of fact.

    name: a word; record: a frozen record whose fields are str, int or bool; find: gives the facts of a text, in order
    and by the text alone.
    """

    name: str
    record: Callable[..., Fact]
    find: Callable[[Source], Iterable[Fact]]

    def rows(self, source: Source) -> list[list[Any]]:
        """The facts of a text as lists of their fields."""
        return [[getattr(fact, name) for name in self.fields] for fact in self.find(source)]

    @property
    def fields(self) -> tuple[str, ...]:
        """The names of the record's fields."""
        return tuple(getattr(self.record, "__match_args__", ()))

    def facts(self, rows: Sequence[Sequence[Any]]) -> tuple[Fact, ...]:
        """Records of such lists. Raises TypeError where these are none."""
        return tuple(self.record(*row) for row in rows)


@cache
def all_kinds() -> tuple[Kind[Any], ...]:
    """The kinds of this room, by name: each of its modules of_* has one, as KIND."""
    names = sorted(each.name for each in pkgutil.iter_modules(patchscan.facts.__path__))
    return tuple(import_module(f"patchscan.facts.{name}").KIND for name in names if name.startswith(_PREFIX))


def _digest_of(paths: Iterable[str]) -> bytes:
    digest = hashlib.blake2b()
    for path in paths:
        with open(path, "rb") as stream:
            digest.update(stream.read())
    return digest.digest()


@cache
def readers_version() -> str:
    """A digest of what finds facts: the readers, the kinds and the grammar. Facts of others are not used."""
    rooms = (patchscan.c, patchscan.kconfig, patchscan.facts, patchscan.flow)
    places = [path for room in rooms for path in room.__path__]
    paths = [
        *map(table_path, TABLES),
        *(
            os.path.join(place, name)
            for place in places
            for name in sorted(os.listdir(place))
            if name.endswith(".py")
        ),
    ]
    kept = os.path.join(os.path.dirname(__file__), "__pycache__", _KEPT)
    digest = hashlib.blake2b(made_of(paths, kept, lambda: _digest_of(paths)), digest_size=12)
    # Imported here: what it imports takes longer than a rule.
    import tree_sitter_c

    for place in tree_sitter_c.__path__:
        for name in sorted(os.listdir(place)):
            if name.endswith(".so"):
                stat = os.stat(os.path.join(place, name))
                digest.update(f"{name} {stat.st_size} {stat.st_mtime_ns}".encode())
    return digest.hexdigest()
