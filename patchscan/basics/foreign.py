"""Code of others run within ours: a rule may fail in any way, and the work goes on."""

import contextlib
import io
from collections.abc import Callable, Iterator

# SystemExit: what calls sys.exit() must not end a scan.
FAILURES = (Exception, SystemExit)
_LONGEST = 200


@contextlib.contextmanager
def kept_quiet() -> Iterator[Callable[[], str]]:
    """Keep what code prints out of our report; gives a function that returns what was printed since it was asked."""
    told = io.StringIO()

    def taken() -> str:
        if not told.tell():
            return ""
        text = told.getvalue()
        told.seek(0)
        told.truncate()
        return text

    with contextlib.redirect_stdout(told), contextlib.redirect_stderr(told):
        yield taken


def in_words(error: BaseException) -> str:
    """An exception on one line, cut where it is long."""
    try:
        text = " ".join(str(error).split())
    except FAILURES:
        text = "(an exception that cannot be shown)"
    if isinstance(error, SystemExit):
        return f"it tried to end the process: exit({text[:_LONGEST]})"
    name = type(error).__name__
    return f"{name}: {text[:_LONGEST]}" if text else name


def traceback_lines(error: BaseException) -> tuple[str, ...]:
    """Where an exception comes from, a line each; of a long chain of calls its beginning and its end."""
    import traceback

    try:
        text = "".join(traceback.format_exception(error, limit=-20, chain=False))
    except FAILURES:
        return ()
    return tuple(text.rstrip("\n").split("\n"))
