"""Verdicts that are kept beside the facts of a tree: what was judged once is not executed again.

The key is all that a verdict rests on: the extracted threads with their scenario, the names that are doubted, how it is
called, and the sources that extract, execute and tell. What another version of them kept is never found.
"""

import hashlib
import json
import os
import sys
from collections.abc import Mapping
from functools import cache
from typing import Any

import patchscan.basics
import patchscan.lkmm
import patchscan.model
from patchscan.basics.fields import is_frozen
from patchscan.basics.limits import guards_met
from patchscan.basics.unchanged import runs_as_it_stands
from patchscan.model.extraction.extract import Extraction
from patchscan.model.verdicts.model_timeline import Interleaving, Moment
from patchscan.model.verdicts.verdict import Mutation, Verdict, judge
from patchscan.results import CaseCost, CostChange
from patchscan.tree import Tree
from patchscan.tree.index.location import may_be_indexed

_KIND = "verdicts"
_RECORDS = {kind.__name__: kind for kind in (Verdict, Mutation, Interleaving, Moment, CostChange, CaseCost)}
_ROOMS = (patchscan.basics, patchscan.lkmm, patchscan.model)
_TUPLE, _SET, _MAPPING, _BYTES = "()", "{}", ":", "b"


def judged(
    extraction: Extraction, name: str, config: str, doubted: frozenset[str], tree: Tree | None
) -> Verdict:
    """The verdict of judge(), kept or made and then kept; a tree without an index keeps none."""
    # Of what a series speaks of else, the verdict says nothing: to change a comment changes none.
    doubted = doubted.intersection(hole.name for hole in extraction.holes())
    key = key_of(extraction, name, config, doubted) if tree is not None and may_be_indexed(tree) else None
    if tree is None or key is None:
        return judge(extraction, name, config, doubted)
    # Imported here: sqlite3 takes its time.
    from patchscan.facts.store import store_of

    store = store_of(tree)
    known = _decoded_verdict(store.recall(_KIND, key))
    if known is not None:
        return known
    verdict = judge(extraction, name, config, doubted)
    rows = encoded(verdict)
    if _lasts(verdict) and _decoded_verdict(rows) == verdict:
        store.remember(_KIND, key, rows)
    return verdict


def _lasts(verdict: Verdict) -> bool:
    """Whether a verdict is the same on every machine: none is kept that a limit cut short or other code made."""
    outcomes = (verdict.outcome, *(mutation.outcome for mutation in verdict.mutations))
    if guards_met() or not runs_as_it_stands(path for room in _ROOMS for path in room.__path__):
        return False
    return "Unknown" not in outcomes and not any("limit" in reason for reason in verdict.reasons)


def key_of(extraction: Extraction, name: str, config: str, doubted: frozenset[str]) -> bytes | None:
    """What stands for all that a verdict rests on; None for threads that are nested too deeply to be written down."""
    try:
        text = json.dumps(encoded((extraction, name, config, doubted)), separators=(",", ":"))
    except RecursionError:
        return None
    return hashlib.blake2b(f"{_version()} {text}".encode("utf-8", "surrogatepass"), digest_size=20).digest()


@cache
def _version() -> str:
    """A digest of the sources that make a verdict of code, and of what runs them."""
    digest = hashlib.blake2b(sys.version.encode(), digest_size=12)
    for place in (path for room in _ROOMS for path in room.__path__):
        for directory, inner, names in os.walk(place):
            inner[:] = sorted(each for each in inner if each != "__pycache__")
            for name in sorted(names):
                digest.update(f"{directory[len(place) :]}/{name}\n".encode())
                with open(os.path.join(directory, name), "rb") as stream:
                    digest.update(stream.read())
    return digest.hexdigest()


def encoded(value: Any) -> Any:
    """Records, tuples, sets and mappings as lists; equal for equal values, whatever the order of a set.

    A text of bytes is only told from others: it cannot be decoded.
    """
    if value is None or isinstance(value, (str, int, float)):
        return value
    if isinstance(value, bytes):
        return [_BYTES, hashlib.blake2b(value, digest_size=20).hexdigest()]
    if isinstance(value, tuple):
        return [_TUPLE, *map(encoded, value)]
    if isinstance(value, (frozenset, set)):
        return [_SET, *sorted(map(encoded, value), key=json.dumps)]
    if isinstance(value, Mapping):
        return [_MAPPING, *([encoded(key), encoded(each)] for key, each in value.items())]
    if not is_frozen(value):
        raise TypeError(f"{type(value).__name__} is no plain value")
    fields = type(value).__fields__
    names = (name for name in type(value).__match_args__ if fields[name].compare)
    return [type(value).__name__, *(encoded(getattr(value, name)) for name in names)]


def _decoded_verdict(rows: Any) -> Verdict | None:
    """The verdict that was encoded so, None where this is none."""
    try:
        verdict = decoded(rows)
    except (TypeError, ValueError, KeyError, IndexError):
        return None
    return verdict if isinstance(verdict, Verdict) else None


def decoded(value: Any) -> Any:
    """What was encoded so, of verdicts and costs. Raises TypeError, ValueError, KeyError or IndexError for no such."""
    if not isinstance(value, list):
        return value
    if value[0] == _MAPPING:
        return {decoded(key): decoded(each) for key, each in value[1:]}
    kind, inner = value[0], [decoded(each) for each in value[1:]]
    if kind == _TUPLE:
        return tuple(inner)
    return frozenset(inner) if kind == _SET else _RECORDS[kind](*inner)
