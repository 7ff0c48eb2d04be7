"""Every barrier below a directory of a tree whose comment says "pairs with": its partners, and what a model says."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

from patchscan.basics.record import frozen
from patchscan.c.occurrences import occurrences
from patchscan.c.source import parse
from patchscan.codebase.code import Codebase
from patchscan.codebase.sources import base_config
from patchscan.kconfig.configured import Config
from patchscan.model.lowering.stubs import load_stubs
from patchscan.pairing.answers import STUBS
from patchscan.pairing.barriers import Barrier, Text, prepare
from patchscan.pairing.pair_verdict import PairVerdict, judge
from patchscan.pairing.partners import Site, partners_of, sites, spellings
from patchscan.tree import Tree
from patchscan.tree.index.search import files_where
from patchscan.tree.index.wordsearch import files_with

_TEXTS = 512


@frozen
class Row:
    """One barrier; partners: where they were found; reason: what came of the model, as in `judge`."""

    site: Site
    partners: tuple[Barrier, ...]
    reason: str
    verdict: PairVerdict | None


class Definitions:
    """Where the functions and macros of a tree are defined, looked up as they are asked for."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._known: dict[str, tuple[str, ...]] = {}
        self.text = lru_cache(maxsize=_TEXTS)(self._text)

    def _text(self, path: str) -> Text | None:
        data = self._tree.read(path)
        if data is None:
            return None
        return prepare(
            path, data, [(f.first_line, f.last_line, f.name) for f in parse(data, path).functions()]
        )

    def look_ahead(self, names: Iterable[str]) -> list[str]:
        """Search the tree once for many names; those that are defined nowhere."""
        names = set(names)
        held = files_with(self._tree, sorted(name for name in names if not self._known.get(name)))
        for name, paths in held.items():
            self._known[name] = tuple(path for path in paths if self._defines(path, name))
        return sorted(name for name in names if not self._known[name])

    def _defines(self, path: str, name: str) -> bool:
        data = self._tree.read(path)
        shaped = rb"(?m)^[^\s/*][^;=(]*\b%b\(|^[ \t]*#[ \t]*define[ \t]+%b\(" % (name.encode(), name.encode())
        if data is None or path.endswith(".S") or re.search(shaped, data) is None:
            return False
        return any(use.kind == "definition" for use in occurrences(data, name, path, called=True))

    def lookup(self, name: str, near: str) -> Text | None:
        """The file that defines a function, as partners_of() asks for it: of several the nearest."""
        if not name:
            return self.text(near)
        if name not in self._known:
            self.look_ahead((name,))
        paths = self._known[name]
        if near in paths:
            return self.text(near)
        closest = max((_shared(path, near) for path in paths), default=0)
        found = [path for path in paths if _shared(path, near) == closest]
        if closest == 0:
            found = [path for path in found if path.startswith("include/")] or found
        texts = [text for text in map(self.text, sorted(found, key=lambda path: (len(path), path))) if text]
        holding_one = (text for text in texts if any(each.function == name for each in text.barriers))
        return next(holding_one, texts[0] if texts else None)


def _shared(one: str, other: str) -> int:
    """How many directories two paths have in common."""
    pairs = zip(one.split("/")[:-1], other.split("/")[:-1], strict=False)
    return next(
        (depth for depth, (a, b) in enumerate(pairs) if a != b), min(one.count("/"), other.count("/"))
    )


def survey(tree: Tree, directories: Sequence[str]) -> Iterator[Row]:
    """The rows of some directories, in the order of their files. Every model is executed."""
    known = Definitions(tree)
    config = Config(base_config(tree.read, "generic"), default=1)
    code, stubs = Codebase(tree.read, (), config), load_stubs(STUBS, config)
    found = [site for directory in directories for site in _sites_below(tree, known, directory)]
    named = (partner.function for site in found for partner in site.partners if partner.function)
    missing = known.look_ahead(named)
    known.look_ahead(spelling for name in missing for spelling in spellings(name))
    for site in found:
        partners = tuple(partners_of(site, known.lookup))
        reason, verdict = judge(site, partners, code, stubs)
        yield Row(site, partners, reason, verdict)


def _sites_below(tree: Tree, known: Definitions, directory: str) -> Iterator[Site]:
    """The sites of the files below a directory, or of one file."""
    paths = files_where(tree, lambda name: name.endswith((".c", ".h")), directory)
    for path in paths or (directory,):
        if b"air" in (tree.read(path) or b""):
            text = known.text(path)
            yield from sites(text) if text is not None else ()


def table(rows: Sequence[Row]) -> list[str]:
    """A line for each barrier, then how many there are of each reason."""
    lines = []
    for row in rows:
        site = row.site
        lines.append(f"{site.path}:{site.line} {site.function}(): {site.barrier}: {row.reason}")
        lines += [
            f"  with {each.path}:{each.line} {each.function}(): {each.name}"
            for each in row.partners
            if each.line
        ]
        if row.verdict is not None:
            outcome = row.verdict.outcome
            lines.append(f"  {outcome.word}: {outcome.shape} on {', '.join(outcome.locations)}")
    located = sum(any(each.line for each in row.partners) for row in rows)
    lines += ["", f"{len(rows)} barriers, {located} partners found"]
    counts = Counter(row.reason for row in rows)
    lines += [
        f"{count:5} {reason}"
        for reason, count in sorted(counts.items(), key=lambda each: (-each[1], each[0]))
    ]
    return lines


def row_dict(row: Row) -> dict[str, object]:
    """A row for JSON."""
    site, verdict = row.site, row.verdict
    return {
        "path": site.path,
        "line": site.line,
        "function": site.function,
        "barrier": site.barrier,
        "partners": [
            {"path": each.path, "line": each.line, "function": each.function, "barrier": each.name}
            for each in row.partners
            if each.line
        ],
        "reason": row.reason,
        "outcome": verdict.outcome.word if verdict is not None else None,
        "locations": list(verdict.outcome.locations) if verdict is not None else [],
    }
