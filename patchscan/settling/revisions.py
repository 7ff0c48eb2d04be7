"""Which series of a thread, or of two archives, is the revision before another one."""

from collections.abc import Iterable, Sequence

from patchscan.basics.pattern import pattern
from patchscan.basics.record import replace
from patchscan.mail.plainmail import name_and_address
from patchscan.mail.subject import parse_subject
from patchscan.mail.works import plain_title
from patchscan.series import Series, Thread
from patchscan.settling.alignment import cover_of

_LINK = pattern(r"https?://[\w.-]+/(?:[\w.-]+/)*([^\s/<>]+@[^\s/<>]+)")


def standing(series: Series) -> tuple[int, bool]:
    """Where a series stands among its revisions: an RFC comes before what has its number and is none."""
    tags = parse_subject(series.mails[0].subject).tags if series.mails else ()
    return series.revision, "rfc" not in tags


def older_in(thread: Thread, newer: Series) -> Thread:
    """The thread with the revision first that came before a newer one, where it holds several; else as it is."""
    own = {mail.message_id for mail in newer.mails if mail.message_id}
    lower = [
        each
        for each in thread.series
        if each.patches and standing(each) < standing(newer) and each.message_id not in own
    ]
    first = thread.series[0] if thread.series else None
    if not lower or (first in lower and first is not None):
        return thread
    best = max(lower, key=lambda each: (standing(each), not each.missing))
    return replace(thread, series=(best, *(each for each in thread.series if each is not best)))


def linked_mails(series: Series) -> list[str]:
    """The Message-IDs that the cover letter and the notes link to, in their order."""
    texts = [*cover_of(series), *(line for mail in series.mails for line in mail.notes)]
    return list(dict.fromkeys(found[1] for line in texts for found in _LINK.finditer(line)))


def same_work(one: Series, other: Series) -> bool:
    """Whether two series are revisions of one work.

    One answers or links to the other, both have a change-id in common, or one person sends the same title, or half of
    the patches, again.
    """
    if one.change_id and one.change_id == other.change_id:
        return True
    if _named(one) & _own(other) or _named(other) & _own(one):
        return True
    if _author(one) != _author(other):
        return False
    titles, others = ({plain_title(patch.title) for patch in each.patches} for each in (one, other))
    alike = plain_title(one.title) == plain_title(other.title)
    return alike or (bool(titles) and len(titles & others) * 2 >= max(len(titles), len(others)))


def pairs_of(older: Iterable[Thread], newer: Sequence[Thread]) -> list[tuple[Thread, Thread]]:
    """Each newer thread whose series has an older revision among others, with the thread of that, its series first.

    Two that stand alone are taken to be revisions of each other even where nothing ties them.
    """
    before = list(older)
    found = []
    for thread in (each for each in newer if each.series):
        series = thread.series[0]
        ranked = [(standing(one), other, one) for other in before for one in other.series
                  if one.patches and standing(one) < standing(series) and same_work(one, series)]  # fmt: skip
        if ranked:
            found.append((older_in(max(ranked, key=lambda each: each[0])[1], series), thread))
    if not found and len(before) == len(newer) == 1:
        found = [(older_in(before[0], newer[0].series[0]) if newer[0].series else before[0], newer[0])]
    return found


def _own(series: Series) -> set[str]:
    return {mail.message_id for mail in series.mails if mail.message_id}


def _named(series: Series) -> set[str]:
    """The mails that a series answers or links to."""
    return {name for mail in series.mails for name in mail.references} | set(linked_mails(series))


def _author(series: Series) -> str:
    return name_and_address(series.mails[0].author)[1].lower() if series.mails else ""
