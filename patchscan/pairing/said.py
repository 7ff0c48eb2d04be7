"""All that is said of the barriers of one changed file: what is asked first is whether there are any.

Without a tree and a barrier nothing is, which is most patches: what judges is loaded behind these questions.
"""

from collections.abc import Collection, Iterator, Sequence

from patchscan.changedfile import ChangedFile
from patchscan.context import Context
from patchscan.finding import Finding, Silence

# One of these stands in each line that holds a barrier of patchscan.pairing.barriers.
HINTS = (
    *(
        "mb(",
        "mb (",
        "mb\t",
        "mb__",
        "_acquire",
        "_release",
        "_store_mb",
        "set_current_state",
        "rcu_assign_pointer",
    ),
    *(
        "rcu_dereference",
        "xchg",
        "atomic",
        "after_ctrl_dep",
        "test_and_",
        "clear_bit_unlock",
        "READ_ONCE",
        "WRITE_ONCE",
    ),
    *("wq_has_sleeper", "waitqueue_active", "wake_up", "refcount_"),
)


def said_of_barriers(
    context: Context, file: ChangedFile, modelled: Sequence[Finding | Silence]
) -> Iterator[Finding | Silence]:
    """What is freed early or taken late, added barriers, and lost ones; modelled: what models said already."""
    freed: tuple[Finding, ...] = ()
    if context.settings.simulate and context.has_tree and file.state.after is not None:
        freed = tuple(_freed(context, file))
        yield from freed
        if file.adds("air"):
            from patchscan.pairing.spoken import one_sided_pairs

            yield from one_sided_pairs(context, file)
    if file.touches(*HINTS):
        told = [each for each in (*freed, *modelled) if isinstance(each, Finding)]
        yield from _of_sites(context, file, {each.line for each in told if each.path == file.path})


def _freed(context: Context, file: ChangedFile) -> Iterator[Finding]:
    """What is freed early, taken late, or found before it is filled; a tree is at hand."""
    from patchscan.pairing.freed_told import freed_early
    from patchscan.pairing.listed import listed_early
    from patchscan.pairing.taken_told import taken_late

    yield from freed_early(context, file)
    yield from taken_late(context, file)
    yield from listed_early(context, file)


def _of_sites(context: Context, file: ChangedFile, known: Collection[int]) -> Iterator[Finding | Silence]:
    """What is said of each barrier that is added or lost; known: the lines that are told of already."""
    from patchscan.pairing.barriers import BARRIER

    if not any(BARRIER.search(line.text) for line in (*file.added, *file.removed)):
        return
    from patchscan.pairing.commented import finder, judge_site
    from patchscan.pairing.losses import losses, texts
    from patchscan.pairing.lost_told import lost_partners
    from patchscan.pairing.partners import sites
    from patchscan.pairing.spoken import answered

    lookup = finder(context, file)
    for text in texts(file):
        for site in sites(text):
            if site.line in file.added_numbers:
                yield judge_site(context, file, site, lookup)
    settled = {each.function.name for each in losses(file) if each.line in known}
    removes = any(BARRIER.search(line.text) for line in file.removed)
    for answer, remark in answered(context, file, lookup, known) if removes else ():
        if answer.kept or isinstance(remark, Finding):
            settled.add(answer.loss.function.name)
        yield remark
    yield from lost_partners(context, file, settled)
