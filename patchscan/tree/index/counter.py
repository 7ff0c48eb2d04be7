"""A bar on standard error that counts files while an index is made."""

import os
import sys
import time


class Progress:
    """A count on standard error, if that is a terminal and the work lasts over a second."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.done = 0
        self.began = time.monotonic()
        self.shown = False

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *_: object) -> None:
        if self.shown:
            print(file=sys.stderr)

    def add(self, count: int) -> None:
        """Count some files more."""
        self.done += count
        if sys.stderr.isatty() and os.environ.get("TERM") != "dumb" and time.monotonic() - self.began > 1:
            self.shown = True
            filled = 30 * self.done // max(self.total, 1)
            bar = "#" * filled + "." * (30 - filled)
            print(f"\r[{bar}] {self.done} of {self.total} files", end="", file=sys.stderr, flush=True)
