"""The last guards of a scan: how deep calls may nest, and how long one patch may take."""

import resource
import signal
import sys
import time
from types import FrameType

from patchscan.basics.budget import BUDGET

DEEPEST = BUDGET.calls.most
STACK = 256 << 20


def allow_depth() -> None:
    """Let code nest ten times as deep as Python does by itself: an expression of 2000 terms is a tree as deep."""
    if sys.getrecursionlimit() >= DEEPEST:
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_STACK)
    most = STACK if hard == resource.RLIM_INFINITY else min(STACK, hard)
    if soft == resource.RLIM_INFINITY or soft >= most:
        sys.setrecursionlimit(DEEPEST)
    elif in_main_thread() and most >= STACK:
        resource.setrlimit(resource.RLIMIT_STACK, (most, hard))
        sys.setrecursionlimit(DEEPEST)


_MET: set[str] = set()


def meets(guard: str) -> None:
    """Note that the clock or the stack has ended something: on another machine it may come to its end."""
    _MET.add(guard)


def guards_met() -> bool:
    """Whether one of them has ended something in this process, of which something may be remembered."""
    return bool(_MET)


def in_main_thread() -> bool:
    """Whether this is the thread that signals come to; the only one there is where nothing has loaded threading."""
    threading = sys.modules.get("threading")
    return threading is None or threading.current_thread() is threading.main_thread()


class OutOfTime(BaseException):
    """The time limit ran out. No Exception, so that what handles those does not take it for one of its own."""


class Clock:
    """Counts the CPU time of one patch, and ends what runs `with` it when there is no more.

    CPU time, and not that of the wall, so that a busy machine changes nothing. seconds: the limit, 0 for none. Beside
    the main thread nothing is ended; that the time is over is then seen at the next question.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.end = time.process_time() + seconds
        self._armed = False

    @property
    def over(self) -> bool:
        """Whether the time has run out."""
        return bool(self.seconds) and time.process_time() >= self.end

    def __enter__(self) -> "Clock":
        if self.seconds and in_main_thread():
            signal.signal(signal.SIGPROF, self._ring)
            self._armed = True
            # Again and again: code that is run by the collector cannot be ended.
            signal.setitimer(signal.ITIMER_PROF, max(self.end - time.process_time(), 0.001), 1.0)
        return self

    def __exit__(self, *_: object) -> None:
        if self._armed:
            self._armed = False
            signal.setitimer(signal.ITIMER_PROF, 0)

    def _ring(self, _number: int, _frame: FrameType | None) -> None:
        if self._armed and self.over:
            raise OutOfTime
