"""Several inputs judged side by side, each in a process of its own: what ends one loses one input, and is told."""

from __future__ import annotations

from patchscan.basics.usage import PARTLY
from patchscan.commands.loading import load_tools
from patchscan.commands.scan import Done, rendered, without_report

# Not imported from typing, which takes a tenth of the time that `--help` has.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator, Sequence

    from patchscan.basics.usage import Style
    from patchscan.commands.loading import Tools

# Elapsed time an input may take, in time limits of a patch: for what no clock in the process itself can end.
MOST_LIMITS = 60


def scan_side_by_side(several: Sequence[Sequence[str]], options: Namespace, style: Style) -> Iterator[Done]:
    """What becomes of each series, in their order; rules and tree are loaded once, and the workers forked."""
    import threading
    from functools import partial
    from multiprocessing import get_context

    from pebble import ProcessPool

    from patchscan.basics.limits import STACK

    global _tools
    _tools = load_tools(options)
    plain = {name: value for name, value in vars(options).items() if name != "run"}
    work = partial(_rendered_in_worker, options=type(options)(**plain), style=style)
    # A worker is forked by a thread of the pool, whose stack becomes its own.
    before = threading.stack_size(STACK)
    pool = ProcessPool(max_workers=min(options.jobs, len(several)), context=get_context("fork"))
    limit = options.time_limit * MOST_LIMITS or None
    try:
        futures = [pool.schedule(work, args=(series,), timeout=limit) for series in several]
        threading.stack_size(before)
        for series, future in zip(several, futures, strict=True):
            yield _result(future, series, options, style)
        pool.close()  # type: ignore[no-untyped-call]
    finally:
        threading.stack_size(before)
        pool.stop()  # type: ignore[no-untyped-call]
        pool.join()


def _result(future: object, series: Sequence[str], options: Namespace, style: Style) -> Done:
    from pebble import ProcessExpired

    try:
        done: Done = future.result()  # type: ignore[attr-defined]
        return done
    except ProcessExpired as error:
        why = f"its process ended before it was judged (exit code {error.exitcode})"
    except TimeoutError:
        why = f"not judged within {options.time_limit * MOST_LIMITS:g} s"
    return without_report(series, why, PARTLY, options, style)


_tools: Tools | None = None


def _rendered_in_worker(series: Sequence[str], options: Namespace, style: Style) -> Done:
    assert _tools is not None
    return rendered(series, options, style, _tools)
