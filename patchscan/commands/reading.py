"""What a command line names, read: mail, ranges; and the exit status that a report asks for."""

from __future__ import annotations

import os
import sys

from patchscan.basics.streams import say
from patchscan.basics.usage import CLEAN, FINDINGS, LEVELS, PARTLY, UNUSABLE, UsageError
from patchscan.commands.ending import in_one_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Iterable, Sequence

    from patchscan.basics.problem import Problem
    from patchscan.mail import Message
    from patchscan.results import Report
    from patchscan.series import Thread

    Documents = tuple[tuple[str, str], ...]
    # Columns, colour, and how much to say: as in patchscan.report.render.
    Style = tuple[int, bool, int]


def read(series: Sequence[str], revision: int | None, options: Namespace | None = None) -> Thread:
    """The thread at the places named on the command line, or of commits; of an archive the first that read_all() has.

    options: where --tree and --inbox name places to look in. Raises UsageError for a word that names nothing.
    """
    from patchscan.mail.thread import read_thread

    messages, problems, asked = read_mails(series, options)
    thread = read_thread(messages, problems, revision)
    return _with_mail(thread, asked, lambda number: read_thread(messages, problems, number), revision)


def each_thread(series: Sequence[str], options: Namespace) -> Iterable[Thread]:
    """What read_all() gives; of an archive too large to hold, one thread after the other."""
    from patchscan.basics.files import Unreadable
    from patchscan.mail.archive import large_archive, large_stream, threads_of

    if not is_archive(series) or options.previous is not None:
        return read_all(series, options)
    name, stdin = series[0], None
    try:
        found = large_stream(sys.stdin.buffer.read, "stdin") if name == "-" else large_archive(name)
    except Unreadable as error:
        raise UsageError(f"standard input: {error}") from None
    except OSError as error:
        raise UsageError(f"standard input: cannot be read: {error.strerror}") from None
    if isinstance(found, bytes):
        found, stdin = None, found
    if found is None:
        return read_all(series, options, stdin)
    return threads_of(found, "stdin" if name == "-" else name, options.revision)


def is_archive(series: Sequence[str]) -> bool:
    """Whether what is named may hold several works."""
    return len(series) == 1 and (series[0] == "-" or not os.path.isdir(series[0]) or is_maildir(series[0]))


def read_all(series: Sequence[str], options: Namespace, stdin: bytes | None = None) -> tuple[Thread, ...]:
    """The same for an input that may be an archive: a thread for each work in it; stdin: what was read of it."""
    from patchscan.mail.thread import read_threads

    if not is_archive(series):
        return (read(series, options.revision, options),)
    messages, problems, asked = read_mails(series, options, stdin)
    threads = read_threads(messages, problems, options.revision)
    if len(threads) > 1 or not asked:
        return threads
    return (
        _with_mail(
            threads[0], asked, lambda number: read_threads(messages, problems, number)[0], options.revision
        ),
    )


def is_maildir(directory: str) -> bool:
    """Whether a directory is a Maildir."""
    return any(os.path.isdir(os.path.join(directory, name)) for name in ("cur", "new"))


def read_mails(
    series: Sequence[str], options: Namespace | None, stdin: bytes | None = None
) -> tuple[tuple[Message, ...], tuple[Problem, ...], str]:
    """The mails, what went wrong, and the Message-ID that was asked for, "" where files or commits were named."""
    from patchscan.commands.naming import message_id_of, range_of
    from patchscan.mail import read_input

    found = range_of(series, getattr(options, "tree", None))
    if found is not None:
        from patchscan.mail.gitrange import read_range

        if found.told:
            say(f"patchscan: {in_one_line(found.told)}")
        return *read_range(found.revisions, found.directory), ""
    name = message_id_of(series[0]) if len(series) == 1 else None
    if name:
        return *mails_of(name, options), name
    check_named(series)
    if "-" in series and stdin is None:
        stdin = standard_input()
    return *read_input(series, stdin), ""


def check_all(several: Sequence[Sequence[str]], tree: str | None) -> None:
    """Raise UsageError for the first input that names nothing, before any of them is read."""
    from patchscan.commands.naming import message_id_of, range_of

    for series in several:
        if not (len(series) == 1 and message_id_of(series[0])) and range_of(series, tree) is None:
            check_named(series)


def check_named(series: Sequence[str]) -> None:
    """Raise UsageError where what alone is named is not there; of several files the others go on without it."""
    if len(series) == 1 and series[0] != "-" and not os.path.lexists(series[0]):
        from patchscan.commands.naming import not_there

        raise not_there(series[0])


def mails_of(name: str, options: Namespace | None) -> tuple[tuple[Message, ...], tuple[Problem, ...]]:
    """The thread of a mail in the inboxes at hand. Raises UsageError where none holds it."""
    from patchscan.commands.naming import inboxes_for
    from patchscan.mail import read_messages
    from patchscan.mail.inboxes import find_thread

    inboxes = inboxes_for(options)
    found = find_thread(name, inboxes)
    if found is None:
        where = f"not in {', '.join(inboxes)}" if inboxes else "no public-inbox or lei store at hand"
        raise UsageError(
            f"{name}: {where}; `b4 mbox {name}` fetches the thread, or name an inbox with --inbox"
        )
    parts = [read_messages(mail, f"{name}, message {at}") for at, mail in enumerate(found.mails, 1)]
    return tuple(one for mails, _ in parts for one in mails), tuple(one for _, more in parts for one in more)


def _with_mail(thread: Thread, asked: str, again: Callable[[int], Thread], revision: int | None) -> Thread:
    """The thread with the series chosen that holds the mail asked for, where no revision was."""
    if revision is not None or not asked:
        return thread
    holders = [each for each in thread.series if asked in {mail.message_id for mail in each.mails}]
    wanted = holders[0].revision if holders else None
    return again(wanted) if wanted is not None and wanted != thread.series[0].revision else thread


def standard_input() -> bytes:
    """All of standard input. Raises UsageError where it cannot be read or does not end in time."""
    from patchscan.basics.files import MOST_OF_INPUT, Unreadable, read_stream

    try:
        return read_stream(sys.stdin.buffer.read, MOST_OF_INPUT)
    except Unreadable as error:
        raise UsageError(f"standard input: {error}") from None
    except OSError as error:
        raise UsageError(f"standard input: cannot be read: {error.strerror}") from None


def exit_status(report: Report, options: Namespace) -> int:
    """2 where no patch was found, 1 for findings at or above the level asked for, 3 for what was lost, else 0."""
    if report.series is None:
        return UNUSABLE
    level = LEVELS.index(options.severity)
    failing = any(LEVELS.index(each.severity) >= level for each in report.findings if each.counts)
    if failing and not options.exit_zero:
        return FINDINGS
    return PARTLY if report.judged.lost else CLEAN
