"""An archive taken apart: works, each with its revisions in order and the review of them."""

import os
from collections.abc import Iterator

from patchscan.basics.problem import Problem
from patchscan.basics.record import frozen
from patchscan.mail import Message, read_input, read_messages
from patchscan.mail.inboxes import all_mails, is_inbox
from patchscan.mail.plainmail import seconds
from patchscan.mail.thread import read_threads
from patchscan.series import Reply, Series
from patchscan.settling.revisions import standing


@frozen
class Work:
    """What one author sent in revisions; archive: what it was read from; replies: the mails that answer."""

    archive: str
    revisions: tuple[Series, ...]
    replies: tuple[Reply, ...]

    @property
    def name(self) -> str:
        """What tells it from all others: the Message-ID of its first revision."""
        return self.revisions[0].message_id


def works_in(archive: str) -> tuple[tuple[Work, ...], tuple[Problem, ...], int]:
    """(the works of an archive in the order of their first mails, what could not be read, how many mails there are).

    archive: an mbox, a Maildir or a public-inbox (v2). It is held in memory: a large one is given in its parts.
    """
    name = os.path.basename(archive.rstrip("/"))
    messages, problems = messages_of(archive)
    if not messages:
        return (), problems, 0
    threads = read_threads(messages, problems)
    works = tuple(
        Work(name, revisions, thread.replies) for thread in threads if (revisions := in_order(thread.series))
    )
    return works, tuple(dict.fromkeys(each for thread in threads for each in thread.problems)), len(messages)


def messages_of(archive: str) -> tuple[tuple[Message, ...], tuple[Problem, ...]]:
    """The mails of an archive, and what could not be read."""
    if not is_inbox(archive):
        return read_input([archive])
    parts = [
        read_messages(mail, f"{archive}, message {at}")
        for at, mail in enumerate(all_mails(archive), 1)
        if mail
    ]
    return tuple(one for mails, _ in parts for one in mails), tuple(one for _, more in parts for one in more)


def in_order(several: tuple[Series, ...]) -> tuple[Series, ...]:
    """The revisions with patches, the first one first; of one that was sent twice the more complete one."""
    best: dict[tuple[int, bool], Series] = {}
    for series in several:
        other = best.get(standing(series))
        if series.patches and (other is None or rank(series) > rank(other)):
            best[standing(series)] = series
    return tuple(sorted(best.values(), key=lambda each: (sent(each), each.revision, each.message_id)))


def rank(series: Series) -> tuple[int, float, str]:
    """The more complete, then the later one."""
    return len(series.patches), sent(series), series.message_id


def sent(series: Series) -> float:
    """When a series was sent, in seconds since 1970, 0 where no date can be read."""
    return min((seconds(mail.date) for mail in series.mails if seconds(mail.date) > 0), default=0.0)


def year(series: Series) -> int:
    """The year in which a series was sent, 0 where no date can be read."""
    from datetime import UTC, datetime

    when = sent(series)
    return datetime.fromtimestamp(when, UTC).year if 0 < when < 1e11 else 0


def batches(works: tuple[Work, ...], size: int) -> Iterator[tuple[Work, ...]]:
    """The works, so many at a time."""
    for start in range(0, len(works), size):
        yield works[start : start + size]
