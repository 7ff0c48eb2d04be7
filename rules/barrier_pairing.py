"""A barrier whose comment names a partner that cannot pair with it, or a partner that loses its barrier."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from patchscan.model.scenarios.asked import models
from patchscan.pairing.classes import ORDERS, cannot_pair, class_of
from patchscan.pairing.freed_told import freed_early
from patchscan.pairing.losses import Loss, counting_on, losses, text_of, texts
from patchscan.pairing.partners import BARRIER, Barrier, Site, Text, barriers, partners_of, sites
from patchscan.pairing.spoken import answered, one_sided_pairs
from patchscan.rule import ChangedFile, Context, Evidence, Finding, Rule, Silence, replace

if TYPE_CHECKING:
    from patchscan.codebase.code import Codebase

MOST_NAMED = 3
Lookup = Callable[[str, str], Text | None]


def check(context: Context) -> Iterator[Finding | Silence]:
    """Every added barrier with a pairing comment, and every function that loses a barrier others count on."""
    modelled = tuple(models(context, "barrier-pairing"))
    for file in context.c_files:
        freed = tuple(freed_early(context, file))
        yield from freed
        known = {
            each.line for each in (*freed, *modelled) if isinstance(each, Finding) and each.path == file.path
        }
        if file.adds("air"):
            yield from one_sided_pairs(context, file)
        if not any(BARRIER.search(line.text) for line in (*file.added, *file.removed)):
            continue
        lookup = finder(context, file)
        for text in texts(file):
            for site in sites(text):
                if site.line in file.added_numbers:
                    yield judge(context, file, site, lookup)
        settled = {each.function.name for each in losses(file) if each.line in known}
        for answer, remark in answered(context, file, lookup, known) if any_removed(file) else ():
            if answer.kept or isinstance(remark, Finding):
                settled.add(answer.loss.function.name)
            yield remark
        yield from lost_partners(context, file, settled)
    yield from modelled


def any_removed(file: ChangedFile) -> bool:
    """Whether the patch takes a line with a barrier."""
    return any(BARRIER.search(line.text) for line in file.removed)


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


def judge(context: Context, file: ChangedFile, site: Site, lookup: Lookup) -> Finding | Silence:
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


def lost_partners(context: Context, file: ChangedFile, told: set[str]) -> Iterator[Finding | Silence]:
    """Functions that lose a barrier, with the comments that count on it, wherever in the tree they are.

    told: those of which something better is known.
    """
    for loss in losses(file):
        name = loss.function.name
        left = barriers_left(context, loss) if name not in told else None
        if left is None:
            continue
        told.add(name)
        counting, missed = counting_on(context.final, file, loss.function)
        lonely = [site for site in counting if all(cannot_pair(site.barrier, each.name) for each in left)]
        if lonely and any(not cannot_pair(site.barrier, loss.barrier) for site in lonely):
            yield loses(file, loss, left, lonely)
        elif missed:
            yield Silence(file.path, loss.line, f"who pairs with {name}(): {missed}", checked=False)


def barriers_left(context: Context, loss: Loss) -> tuple[Barrier, ...] | None:
    """What may stand in for a lost barrier after the patch; None where that may be something that is not seen.

    For a fence only other fences and what the patch adds: an access with an order of its own was there before.
    """
    name, found = loss.function.name, list[Barrier]()
    for file in context.c_files:
        functions = [each for source in file.after for each in source.functions() if each.name == name]
        called = {call.name for each in functions for call in each.calls() if call.line in file.added_numbers}
        if any(not each.whole for each in functions) or any(
            has_barrier(other, called - {name}) for other in context.c_files
        ):
            return None
        for text in texts(file):
            own = [each for each in barriers(text) if each.function == name and not each.is_weak]
            fence = Barrier("", 0, "", loss.barrier).is_fence
            found += [each for each in own if not fence or each.is_fence or each.line in file.added_numbers]
    return tuple(found)


def has_barrier(file: ChangedFile, names: set[str]) -> bool:
    """Whether one of these functions is in the file and has a barrier."""
    if not names:
        return False
    return any(each.function in names and not each.is_weak for text in texts(file) for each in barriers(text))


def loses(file: ChangedFile, loss: Loss, left: tuple[Barrier, ...], lonely: list[Site]) -> Finding:
    """The finding: a note where nothing is left, a warning where what is left cannot pair."""
    name = loss.function.name
    says = (
        "the comment at {} says that it pairs"
        if len(lonely) == 1
        else "the comments at {} say that they pair"
    )
    places = " and ".join(f"{site.barrier}() in {site.function}()" for site in lonely[:MOST_NAMED])
    places += f" and {len(lonely) - MOST_NAMED} more" if len(lonely) > MOST_NAMED else ""
    text = f"{name}() loses its {loss.barrier}(), and {says.format(places)} with {name}()"
    if left:
        text += f"; with the {left[0].name}() that is left neither side orders what the other needs"
    evidence = tuple(Evidence(site.path, site.line, site.comment) for site in lonely[:MOST_NAMED])
    return Finding(file.path, loss.line, text, evidence, severity="warning" if left else "info")


RULE = Rule(
    name="barrier-pairing",
    summary="A barrier whose named partner cannot pair with it",
    why=(
        "A barrier on one CPU orders nothing for another unless that one has a barrier as well, and the two fit: loads "
        "are ordered against stores, an acquire against a release, and a store before a load needs a full barrier on "
        "both sides. The comment at a barrier names its partner; the rule looks there. A function that loses its "
        "barrier is shown the comments that count on it, wherever in the tree they are. Where a barrier goes or gets "
        "weaker, the other side is looked for: in its own comment, then among the functions of the file that access "
        "the same two locations; a model of both is executed, and spoken of where it was safe before and is not now. "
        "What only the comment says is a warning with its reason. Of two functions that a new comment pairs both must "
        "keep their order. A wait for readers that goes, and a count to zero that orders no longer, are judged in the "
        "same way: who found the object may still use it when it is freed."
    ),
    source=(
        'Documentation/memory-barriers.txt, "SMP BARRIER PAIRING"; tools/memory-model/Documentation/recipes.txt; '
        'review of "mm: use targeted IPIs for TLB sync with lockless page table walkers" v4 1/3, 2026-02-02'
    ),
    severity="warning",
    confidence="medium",
    check=check,
    bad=(
        """
 static void publish(struct ring *ring)
 {
 	ring->data = 1;
 	/* Pairs with smp_rmb() in consume(). */
 	smp_rmb();
 	ring->ready = 1;
 }
 
 static int consume(struct ring *ring)
 {
 	int ready = READ_ONCE(ring->ready);
 
+	/* Pairs with smp_rmb() in publish(). */
+	smp_rmb(); // want "orders loads only"
 	return ready ? ring->data : 0;
 }
""",
        """
>>> tree lib/reader.c
int consume(struct ring *ring)
{
	int ready = READ_ONCE(ring->ready);

	/* Pairs with smp_wmb() in publish(). */
	smp_rmb();
	return ready ? ring->data : 0;
}
>>> patch lib: publish without a barrier
>>> file lib/writer.c
 void publish(struct ring *ring)
 {
 	ring->data = 1;
-	/* The reader looks at ready first. */
-	smp_wmb();
 	WRITE_ONCE(ring->ready, 1); // want "here consume.. sees ring.ready and not ring.data"
 }
""",
        """
>>> tree lib/reader.c
int consume(struct ring *ring)
{
	int ready = READ_ONCE(ring->ready);

	/* Pairs with the barrier in publish(). */
	smp_rmb();
	return ready ? ring->data : 0;
}
>>> patch lib: a lighter barrier
>>> file lib/writer.c
 void publish(struct ring *ring)
 {
 	ring->data = 1;
-	smp_mb();
+	smp_rmb(); // want "and smp_rmb.. takes its place: who sees ring.ready"
 	WRITE_ONCE(ring->ready, 1);
 }
""",
    ),
    good=(
        """
 static void publish(struct ring *ring)
 {
 	ring->data = 1;
+	/* Pairs with smp_rmb() in consume(). */
+	smp_wmb();
 	WRITE_ONCE(ring->ready, 1);
 }
 
 static int consume(struct ring *ring)
 {
 	int ready = READ_ONCE(ring->ready);
 
+	/* Pairs with smp_wmb() in publish(). */
+	smp_rmb();
 	return ready ? ring->data : 0;
 }
""",
        """
 static void publish(struct ring *ring)
 {
 	ring->data = 1;
+	/* Pairs with smp_load_acquire() in consume(). */
+	smp_store_release(&ring->ready, 1);
 }
 
 static int consume(struct ring *ring)
 {
+	/* Pairs with smp_store_release() in publish(). */
+	return smp_load_acquire(&ring->ready) ? ring->data : 0;
 }
""",
        """
>>> tree lib/reader.c
int consume(struct ring *ring)
{
	/* Pairs with smp_wmb() in publish(). */
	return smp_load_acquire(&ring->ready) ? ring->data : 0;
}
>>> patch lib: publish with release
>>> file lib/writer.c
 void publish(struct ring *ring)
 {
 	ring->data = 1;
-	smp_wmb();
-	WRITE_ONCE(ring->ready, 1);
+	smp_store_release(&ring->ready, 1);
 }
""",
        """
 static bool wait_for_walk(struct walk *walk)
 {
+	/* Pairs with the barrier in walk_begin(), which is in assembly. */
+	smp_rmb();
 	return READ_ONCE(walk->active);
 }
""",
    ),
)
