"""An archive of many threads taken apart: which series are revisions of one work, and which mails speak of it."""

import itertools
from collections.abc import Iterable, Mapping, Sequence

from patchscan.basics.pattern import pattern
from patchscan.mail import Message
from patchscan.mail.plainmail import name_and_address
from patchscan.series import Series

_LINK = pattern(r"https?://[\w.-]+/(?:[\w.-]+/)*([^\s/<>]+@[^\s/<>]+)")
_NO_WORD = pattern(r"[^a-z0-9]+")


class Groups:
    """Things that are joined two by two: which of them belong together in the end."""

    def __init__(self) -> None:
        self._above: dict[object, object] = {}

    def top(self, one: object) -> object:
        """What stands for the group of a thing."""
        way = []
        while (above := self._above.get(one, one)) != one:
            way.append(one)
            one = above
        self._above.update(dict.fromkeys(way, one))
        return one

    def join(self, *things: object) -> None:
        """Make one group of those of the things."""
        first = self.top(things[0])
        for other in things[1:]:
            self._above[self.top(other)] = first


def works_of(
    messages: Sequence[Message], series: Sequence[tuple[Series, frozenset[str]]]
) -> Mapping[str, object]:
    """The work that each mail belongs to: what the mail is called in problems -> a value that stands for the work.

    series: each with what its mails are called. Two series are of one work where one is sent in the thread of the
    other or names it by a link, where they have a change-id in common, and where one person sends the same title, or
    half of the patches, again. Mails without a Message-ID are patches from files, which are all of one work.
    """
    groups = Groups()
    for message in messages:
        names = (message.message_id, *message.references) if message.message_id else ("",)
        groups.join(("mail", message.where), *(("name", name) for name in names))
    known = {message.message_id for message in messages if message.message_id}
    for one, places in series:
        first, *others = (("mail", place) for place in sorted(places))
        groups.join(first, *others, *(("name", name) for name in _linked(one) if name in known))
        groups.join(first, *_marks(one))
    _join_reworked([(one, ("mail", min(places))) for one, places in series], groups)
    return {message.where: groups.top(("mail", message.where)) for message in messages}


def plain_title(title: str) -> str:
    """A title as two revisions have it in common: words in lower case."""
    return _NO_WORD.sub(" ", title.lower()).strip()


def _linked(series: Series) -> set[str]:
    """The Message-IDs that the cover letter, or the notes below a patch, links to."""
    texts = [line for mail in series.mails for line in mail.notes]
    texts += series.cover.changelog if series.cover else ()
    return links_in(texts)


def links_in(lines: Iterable[str]) -> set[str]:
    """The Message-IDs that lines link to."""
    return {found[1] for line in lines for found in _LINK.finditer(line)}


def marks_of_mail(title: str, change_id: str | None) -> tuple[object, ...]:
    """What a patch or cover letter has in common with those of other series that may be of its work."""
    return (("title", plain_title(title)), *((("change-id", change_id),) if change_id else ()))


def _author(series: Series) -> str:
    return name_and_address(series.mails[0].author)[1].lower() if series.mails else ""


def _marks(series: Series) -> Iterable[object]:
    """What two series of one work have in common as it stands."""
    if series.change_id:
        yield "change-id", series.change_id
    if series.mails:
        yield "title", plain_title(series.title), _author(series)


def _join_reworked(series: Sequence[tuple[Series, object]], groups: Groups) -> None:
    """Join series of one person that share half of their patches."""
    holders: dict[tuple[str, str], list[int]] = {}
    for at, (one, _) in enumerate(series):
        for title in {plain_title(patch.title) for patch in one.patches}:
            holders.setdefault((_author(one), title), []).append(at)
    shared: dict[tuple[int, int], int] = {}
    for places in holders.values():
        for first, second in itertools.pairwise(places):
            shared[first, second] = shared.get((first, second), 0) + 1
    for (first, second), count in shared.items():
        if count * 2 >= max(len(series[at][0].patches) for at in (first, second)):
            groups.join(series[first][1], series[second][1])
