"""What a command line names, read: mail, ranges; and the exit status that a report asks for."""

from __future__ import annotations

import os
import sys

from patchscan.basics.usage import CLEAN, FINDINGS, LEVELS, PARTLY, UNUSABLE, UsageError, working_directory

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence

    from patchscan.results import Report
    from patchscan.series import Thread

    Documents = tuple[tuple[str, str], ...]
    # Columns, colour, and how much to say: as in patchscan.report.render.
    Style = tuple[int, bool, int]


def read(series: Sequence[str], revision: int | None) -> Thread:
    """The thread at the places named on the command line, or of a git range."""
    from patchscan.mail import read_input
    from patchscan.mail.thread import read_thread

    if is_range(series):
        from patchscan.mail.gitrange import read_range

        messages, problems = read_range(series[0], working_directory())
    else:
        stdin = standard_input() if "-" in series else None
        messages, problems = read_input(series, stdin)
    return read_thread(messages, problems, revision)


def standard_input() -> bytes:
    """All of standard input. Raises UsageError where it cannot be read or does not end in time."""
    from patchscan.basics.files import MOST_OF_INPUT, Unreadable, read_stream

    try:
        return read_stream(sys.stdin.buffer.read, MOST_OF_INPUT)
    except Unreadable as error:
        raise UsageError(f"standard input: {error}") from None
    except OSError as error:
        raise UsageError(f"standard input: cannot be read: {error.strerror}") from None


def is_range(series: Sequence[str]) -> bool:
    """Whether the series is given as a git revision range and not as files."""
    return len(series) == 1 and ".." in series[0] and not os.path.exists(series[0])


def exit_status(report: Report, options: Namespace) -> int:
    """2 where no patch was found, 1 for findings at or above the level asked for, 3 for what was lost, else 0."""
    if report.series is None:
        return UNUSABLE
    level = LEVELS.index(options.severity)
    failing = any(LEVELS.index(each.severity) >= level for each in report.findings if each.counts)
    if failing and not options.exit_zero:
        return FINDINGS
    return PARTLY if report.judged.lost else CLEAN
