"""The same work on several parts of some data, each part in a process of its own."""

import os
from collections.abc import Callable, Sequence
from typing import TypeVar

Part = TypeVar("Part")
Result = TypeVar("Result")


def in_parallel(work: Callable[[Part], Result], parts: Sequence[Part]) -> list[Result]:
    """work(part) for each part, in order; the first here, the others in forked processes.

    work must not raise and must not use what a fork breaks (open databases, threads). A part whose process
    fails is done again here.
    """
    if len(parts) < 2:
        return [work(part) for part in parts]
    # Imported here: most work is one part.
    import pickle

    children = [start_child(_pickled(work, part)) for part in parts[1:]]
    results = [work(part) for part in parts[:1]]
    for part, (pid, descriptor) in zip(parts[1:], children, strict=True):
        with open(descriptor, "rb") as stream:
            answer = stream.read()
        _, status = os.waitpid(pid, 0)
        results.append(work(part) if status else pickle.loads(answer))
    return results


def _pickled(work: Callable[[Part], Result], part: Part) -> Callable[[int], bool]:
    """Work on one part whose result goes, pickled, to a descriptor."""

    def run(writing: int) -> bool:
        import pickle

        with open(writing, "wb") as stream:
            stream.write(pickle.dumps(work(part)))
        return True

    return run


def start_child(run: Callable[[int], bool]) -> tuple[int, int]:
    """A forked process that runs run(descriptor), and the pipe that reads what it writes there.

    Its exit status is 0 where run() gives True. It must not use what a fork breaks (open databases, threads).
    """
    reading, writing = os.pipe()
    pid = os.fork()
    if pid:
        os.close(writing)
        return pid, reading
    status = 1
    try:
        os.close(reading)
        status = 0 if run(writing) else 1
    finally:
        # Nothing that the parent has still to run or to flush.
        os._exit(status)
