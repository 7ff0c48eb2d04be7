"""Work on several parts in a process each, which count what they have done or say what went wrong."""

import contextlib
import os
import selectors
import sqlite3
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from patchscan.tree.index.counter import Progress
from patchscan.tree.index.parallel import start_child

Part = TypeVar("Part")
Report = Callable[[int], Any]


def run_counting(work: Callable[[Part, Report], None], parts: Sequence[tuple[str, Part]], total: int) -> str:
    """Run work(part, report) of named parts side by side; report(count) counts towards the total that is shown.

    Gives the first failure in words, "" where there is none. work may raise sqlite3.Error and OSError, and must not use
    what a fork breaks.
    """
    children = [start_child(_counted(work, name, part)) for name, part in parts]
    failures = []
    with Progress(total) as progress, selectors.DefaultSelector() as selector:
        for _, descriptor in children:
            selector.register(descriptor, selectors.EVENT_READ)
        while selector.get_map():
            for key, _ in selector.select():
                message = os.read(key.fd, 1 << 16)
                if not message:
                    selector.unregister(key.fd)
                    os.close(key.fd)
                for line in message.decode("utf-8", "replace").splitlines():
                    if line.isdigit():
                        progress.add(int(line))
                    else:
                        failures.append(line)
    statuses = [os.waitpid(pid, 0)[1] for pid, _ in children]
    return failures[0] if failures else "a process was killed" if any(statuses) else ""


def _counted(work: Callable[[Part, Report], None], name: str, part: Part) -> Callable[[int], bool]:
    """Work on one part that counts on a descriptor or, last, says there what went wrong; True where it ended well."""

    def run(writing: int) -> bool:
        try:
            work(part, lambda count: os.write(writing, f"{count}\n".encode()))
        except (sqlite3.Error, OSError) as error:
            with contextlib.suppress(OSError):
                os.write(writing, f"{name}: {error}\n".encode("utf-8", "replace"))
            return False
        return True

    return run
