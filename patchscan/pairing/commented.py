"""A barrier that a patch adds with a comment that names a partner: whether the two can pair."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from patchscan.basics.record import replace
from patchscan.changedfile import ChangedFile
from patchscan.context import Context
from patchscan.finding import Evidence, Finding, Silence
from patchscan.pairing.classes import ORDERS, cannot_pair, class_of
from patchscan.pairing.losses import text_of, texts
from patchscan.pairing.partners import Barrier, Site, Text, barriers, partners_of

if TYPE_CHECKING:
    from patchscan.codebase.code import Codebase

Lookup = Callable[[str, str], Text | None]


def finder(context: Context, file: ChangedFile) -> Lookup:
    """A look-up of functions: in this file, in what the series changes, in the tree."""
    known: dict[str, Text | None] = {}

    def lookup(name: str, path: str) -> Text | None:
        if name not in known:
            known[name] = find(context, file, name)
        return known[name]

    return lookup


def find(context: Context, file: ChangedFile, name: str) -> Text | None:
    """The text that defines a function; "" is the file itself."""
    others = [other for each in context.all for other in each.c_files if other is not file]
    for candidate in (file, *others):
        for text in texts(candidate):
            if not name or any(text.function_of(each.line) == name for each in barriers(text)):
                return text
        if name and any(f.name == name for source in candidate.after for f in source.functions()):
            return next(texts(candidate), None)
    if not context.has_tree:
        return None
    for use in context.uses(name, whole=False).uses:
        data = context.final.read(use.path) if use.kind == "definition" else None
        if data is not None:
            return text_of(use.path, data)
    return None


def judge_site(context: Context, file: ChangedFile, site: Site, lookup: Lookup) -> Finding | Silence:
    """One barrier with its comment: whether the partner that it names can pair with it."""
    partners = partners_of(site, lookup)
    if not partners:
        return file.unchecked(site.line, "the partner that the comment names was not found")
    partner = partners[0]
    evidence = (Evidence(partner.path, partner.line, f"{partner.function}(): {partner.name}()"),)
    if not partner.line:
        return file.unchecked(site.line, f"{partner.function}() has no barrier of its own")
    text = lookup(partner.function, site.path)
    there = [each for each in barriers(text) if each.function == partner.function] if text else [partner]
    there = [each for each in there if each.name not in ("READ_ONCE", "WRITE_ONCE")] or [partner]
    if all(cannot_pair(site.barrier, each.name) for each in there):
        but = "" if partner.name == there[0].name else f", where only {there[0].name}() orders anything"
        return file.finding(
            site.line,
            f"the comment pairs {site.barrier}() with {partner.name}() in {partner.function}(){but}: each of them "
            f"{ORDERS[class_of(site.barrier)]}, so neither side orders what the other needs",
            evidence,
        )
    if class_of(site.barrier) == "read" and starts_store_buffering(context, site, partner):
        return file.finding(
            site.line,
            f"{partner.function}() stores, then has {partner.name}() and nothing after it: that is one half of store "
            f"buffering, and the other half needs its store, a full barrier and then its load; {site.barrier}() "
            f"does not order a store before a load",
            evidence,
        )
    return file.fine(site.line, f"it can pair with {partner.name}() in {partner.function}()")


def starts_store_buffering(context: Context, site: Site, partner: Barrier) -> bool:
    """Whether the partner is a full barrier after a store to what is loaded after ours, and its function ends there."""
    from patchscan.codebase.code import Codebase
    from patchscan.codebase.sources import base_config
    from patchscan.kconfig.configured import Config
    from patchscan.model.lowering.stubs import load_stubs
    from patchscan.model.scenarios.findings import models_of
    from patchscan.pairing.answers import STUBS
    from patchscan.pairing.pair_verdict import surroundings

    if class_of(partner.name) != "full":
        return False
    sources = models_of(context.states).code_after(context.states.index(context.state))
    config = Config(base_config(sources.read, "generic"), default=1)
    stubs = load_stubs(STUBS, config)
    code = Codebase(sources.read, sources.changed, config, sources.changed)
    ours = surroundings(placed(Barrier(site.path, site.line, site.function, site.barrier), code), code, stubs)
    theirs = surroundings(placed(partner, code), code, stubs)
    if ours is None or theirs is None or theirs.after or theirs.fence is None:
        return False
    return bool(ours.loads() & theirs.stores())


def placed(barrier: Barrier, code: "Codebase") -> Barrier:
    """The barrier where the code as it is read has it: what was lifted from a patch stands on other lines."""
    definition = code.function(barrier.function, barrier.path)
    if definition is None:
        return barrier
    lines = enumerate(definition.text.split(b"\n"), definition.first_line)
    named = [number for number, text in lines if barrier.name.encode() + b"(" in text]
    if barrier.line in named or not named:
        return barrier
    return replace(barrier, line=named[0])
