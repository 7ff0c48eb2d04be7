"""What of a series is judged at a time, beside its patches: the cover letter, and some files of a large patch."""

import gc
from collections.abc import Iterator, Sequence

from patchscan.basics.keep import forget_texts
from patchscan.basics.record import frozen
from patchscan.c.source import let_go_of_oldest, take_apart
from patchscan.context import Context
from patchscan.renaming import changing
from patchscan.rule import Rule
from patchscan.shelf import HELD_FILES
from patchscan.tree.overlay import PatchState, View

# The files that a rule which looks at each alone is asked of at once: both sides of them are held.
PART_FILES = HELD_FILES // 2
# The texts, headers for the most part, that are kept from one part for the next.
HELD_BYTES = 2_000_000
# Of more patches than these no more is kept from one for the next, once it has become twice as much; to read a header
# once more costs a short series more than the memory is worth.
MANY_PATCHES = 16
SERIES_BYTES = 500_000


@frozen
class Turn:
    """Rules, what they are asked of (None: nothing is left to ask), and how many files of the patch that judges."""

    context: Context | None
    rules: Sequence[Rule]
    files: int


def turns(rules: Sequence[Rule], context: Context) -> Iterator[Turn]:
    """Who is asked of what: all of a patch, and of one with many files some at a time those that look at each alone.

    What was made of the code of these is then let go; what must see all of a patch comes first, for it is soon done.
    Who judges what code does is not asked of what is only renamed.
    """
    if not is_large(context):
        yield from _asked(rules, context)
        return
    yield Turn(context, [rule for rule in rules if not rule.by_file], len(context.files))
    by_file = [rule for rule in rules if rule.by_file]
    for part in parts_of(context):
        yield from _asked(by_file, part)
        _end(part)


def _asked(rules: Sequence[Rule], context: Context) -> Iterator[Turn]:
    """The same of a patch, or a part, that is judged as a whole."""
    files = len(context.files)
    changed = changing(context)
    if changed is context:
        yield Turn(context, rules, files)
        return
    yield Turn(context, [rule for rule in rules if not rule.by_effect], files)
    yield Turn(changed, [rule for rule in rules if rule.by_effect], files)
    if changed is not None:
        changed.forget()


def _end(part: Context) -> None:
    """Let go of what was made for a part."""
    part.forget(take_apart)
    part.callees.let_go(frozenset(file.path for file in part.files))
    let_go_of_oldest(HELD_BYTES)
    forget_texts()
    # What holds itself in a circle waits for the collector, which looks rarely: at what came about since it last did.
    gc.collect(1)


def end_patch(context: Context) -> None:
    """Let go of what was made of one patch of several, and of many what was read for earlier ones, too."""
    context.forget()
    # Code refers to itself, and the collector of a process looks rarely.
    if len(context.all) > MANY_PATCHES and let_go_of_oldest(SERIES_BYTES, above=2 * SERIES_BYTES):
        # What was read ahead for a later patch may have gone with them, and nobody else would ask for the same text.
        for file in (file for other in context.later for file in other.files):
            file.forget()
        # These texts are so old that it takes them for ones that stay.
        gc.collect()
    else:
        gc.collect(1)


def is_large(context: Context) -> bool:
    """Whether a patch has so many files that their code is not held at once."""
    return context.large


def parts_of(context: Context) -> Iterator[Context]:
    """A patch as patches of some of its files each, in their order."""
    for start in range(0, len(context.files), PART_FILES):
        files = context.files[start : start + PART_FILES]
        settings, fit = context.settings, context.fit
        yield Context(context.series, context.states, context.index, settings, fit, context, files)


def cover_letter(judged: tuple[Context, ...]) -> tuple[Context, ...]:
    """The context of the cover letter beside those of the patches; nothing where there is none."""
    cover = judged[0].series.cover if judged else None
    if cover is None:
        return ()
    first = judged[0]
    start = first.state.start or View(first.view.tree, {})
    state = PatchState(cover, (), start, start)
    letter = Context(first.series, (state, *first.states), 0, first.settings, first.fit)
    letter.all = judged
    return (letter,)
