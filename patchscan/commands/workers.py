"""Several inputs judged side by side, each in a process of its own: what ends one loses one input, and is told."""

from __future__ import annotations

from patchscan.basics.budget import BUDGET
from patchscan.basics.usage import PARTLY
from patchscan.commands.loading import load_tools
from patchscan.commands.scan import Done, joined, rendered, without_report

# Not imported from typing, which takes a tenth of the time that `--help` has.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Iterator, Sequence
    from typing import TypeVar

    from patchscan.basics.usage import Style
    from patchscan.commands.loading import Tools

    Item = TypeVar("Item")
    Result = TypeVar("Result")

# Elapsed time an input may take, in time limits of a patch: for what no clock in the process itself can end.
MOST_LIMITS = BUDGET.worker_limits.most


def scan_side_by_side(several: Sequence[Sequence[str]], options: Namespace, style: Style) -> Iterator[Done]:
    """What becomes of each series, in their order; rules and tree are loaded once, and the workers forked."""
    from functools import partial

    global _tools
    _tools = load_tools(options)
    plain = {name: value for name, value in vars(options).items() if name != "run"}
    work = partial(_rendered_in_worker, options=type(options)(**plain), style=style)
    results = side_by_side(work, several, options.jobs, options.time_limit)
    for series, (done, why) in zip(several, results, strict=True):
        yield done or without_report(series, why, PARTLY, options, style)


def side_by_side(
    work: Callable[[Item], Result], items: Sequence[Item], jobs: int, time_limit: float
) -> Iterator[tuple[Result | None, str]]:
    """(what became of each item, "") in their order, or (None, why there is nothing); the workers are forked.

    time_limit: of one patch, in seconds, 0 for none.
    """
    import threading
    from multiprocessing import get_context

    from pebble import ProcessPool

    from patchscan.basics.limits import STACK

    # A worker is forked by a thread of the pool, whose stack becomes its own.
    before = threading.stack_size(STACK)
    pool = ProcessPool(max_workers=min(jobs, len(items)), context=get_context("fork"))
    limit = time_limit * MOST_LIMITS or None
    try:
        futures = [pool.schedule(work, args=(item,), timeout=limit) for item in items]
        threading.stack_size(before)
        for future in futures:
            yield _result(future, time_limit)
        pool.close()  # type: ignore[no-untyped-call]
    finally:
        threading.stack_size(before)
        pool.stop()  # type: ignore[no-untyped-call]
        pool.join()


def _result(future: object, time_limit: float) -> tuple[Result | None, str]:
    from pebble import ProcessExpired

    try:
        return future.result(), ""  # type: ignore[attr-defined]
    except ProcessExpired as error:
        return None, f"its process ended before it was judged (exit code {error.exitcode})"
    except TimeoutError:
        return None, f"not judged within {time_limit * MOST_LIMITS:g} s"


_tools: Tools | None = None


def _rendered_in_worker(series: Sequence[str], options: Namespace, style: Style) -> Done:
    assert _tools is not None
    return joined(list(rendered(series, options, style, _tools)))
