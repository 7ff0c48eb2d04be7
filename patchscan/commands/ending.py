"""How a command ends: its exit status, and one line on standard error where something went wrong."""

from __future__ import annotations

import atexit
import os
import sys

from patchscan.basics.streams import forget_output, say
from patchscan.basics.usage import CRASHED, INTERRUPTED, READER_GONE, UNUSABLE, UsageError

# Not imported from typing, which takes a tenth of the time that `--help` has.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def ended_well(run: Callable[[], int], words: Sequence[str]) -> int:
    """Run a command; returns its exit status, or the one that stands for what went wrong.

    words: the command line, which may ask for more details.
    """
    try:
        status = run()
        sys.stdout.flush()
        return status
    except BrokenPipeError:
        # The reader (head, a pager) has gone: end quietly, and keep Python from saying so at exit. What it did not
        # read may hold findings, so this is not clean.
        forget_output()
        return READER_GONE
    except KeyboardInterrupt:
        return INTERRUPTED
    except UsageError as error:
        say(f"patchscan: {in_one_line(str(error))}")
        return UNUSABLE
    except OSError as error:
        forget_output()
        where = error.filename if isinstance(error.filename, str) else "standard output"
        say(f"patchscan: {in_one_line(where)}: {error.strerror or error}")
        return UNUSABLE
    except Exception as error:
        return crashed(error, words)


def leave(status: int) -> int:
    """End this process once what is due at its exit is done; returns the status where that is left to Python.

    Python would take apart every module and syntax tree, which is a twentieth of a small scan. It is to do so where a
    profiler or debugger wants to have the last word, another thread goes on, or a stream fails once more.
    """
    threading = sys.modules.get("threading")
    if sys.getprofile() or sys.gettrace() or (threading is not None and threading.active_count() > 1):
        return status
    atexit._run_exitfuncs()
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError):
        return status
    os._exit(status)


def in_one_line(text: str) -> str:
    """A message that names what somebody else named, harmless for a terminal and a CI system."""
    from patchscan.basics.orders import inert
    from patchscan.basics.printable import printable

    return inert(printable(text))


def crashed(error: Exception, words: Sequence[str]) -> int:
    """Tell of a fault of ours in one line, with -v where it came from."""
    from patchscan.basics.foreign import in_words, traceback_lines

    forget_output()
    say(
        f"patchscan: this is a fault of patchscan: {in_one_line(in_words(error))}; please report it (-v says more)"
    )
    if {"-v", "--verbose"}.intersection(words):
        for line in traceback_lines(error):
            say(f"  {in_one_line(line)}")
    return CRASHED


def tell(lost: Sequence[str]) -> None:
    """Say once on standard error what was not judged; lost: a line for each input of which something was not."""
    if lost:
        more = f"; and so for {len(lost) - 1} more of the inputs" if len(lost) > 1 else ""
        say(in_one_line(f"patchscan: {lost[0]}{more}"))
