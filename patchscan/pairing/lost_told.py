"""What is said of functions that lose a barrier which comments elsewhere count on."""

from collections.abc import Iterator

from patchscan.changedfile import ChangedFile
from patchscan.context import Context
from patchscan.finding import Evidence, Finding, Silence
from patchscan.pairing.classes import cannot_pair
from patchscan.pairing.losses import Loss, counting_on, losses, text_of, texts
from patchscan.pairing.partners import BARRIER, Barrier, Site, barriers

MOST_NAMED = 3


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
            yield loses(file, loss, left, lonely, _is_gone(context, file, loss))
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


def _is_gone(context: Context, file: ChangedFile, loss: Loss) -> bool:
    """Whether no barrier takes the place of a fence: none comes with the patch, none is in the function in the end."""
    if not Barrier("", 0, "", loss.barrier).is_fence or loss.instead:
        return False
    lines = (line.text for each in context.c_files for line in each.added)
    found = (BARRIER.search(text) for text in lines)
    if any(each is not None and not Barrier("", 0, "", each[1]).is_weak for each in found):
        return False
    last = context.final.read(file.path)
    text = text_of(file.path, last) if last is not None else None
    return text is not None and not any(
        each.function == loss.function.name and not each.is_weak for each in text.barriers
    )


def loses(
    file: ChangedFile, loss: Loss, left: tuple[Barrier, ...], lonely: list[Site], is_gone: bool
) -> Finding:
    """The finding: a note where something may be left, a warning where what is left cannot pair, or nothing is."""
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
    return Finding(file.path, loss.line, text, evidence, severity="warning" if left or is_gone else "info")
