"""The work spread over Dask's workers: what ends one loses one work at most, and that is told."""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import dask
from distributed import Client, LocalCluster

from patchscan.basics.foreign import in_words

# How often a work may end its worker before it is given up.
TRIES = 2
_POLL, _PAUSE = 2.0, 0.05


def started(scheduler: str, workers: int, memory: str) -> Any:
    """A client of the scheduler at an address, or of one of our own with so many workers on this machine.

    memory: what a worker may take ("2GB"), as Dask writes it; its nanny ends it then and starts another one.
    """
    dask.config.set(
        {
            "distributed.scheduler.allowed-failures": TRIES - 1,
            "distributed.scheduler.worker-saturation": 1.0,
            "distributed.worker.memory.terminate": 0.95,
            "distributed.admin.log-format": "%(message)s",
            "logging": {"distributed": "critical"},
        }
    )
    if scheduler:
        return Client(scheduler)
    cluster = LocalCluster(
        n_workers=workers,
        threads_per_worker=1,
        processes=True,
        memory_limit=memory,
        host="127.0.0.1",
        dashboard_address=None,
        silence_logs=50,
    )
    return Client(cluster)


def answers(
    client: Any, function: Callable[..., Any], tasks: Mapping[str, tuple[Any, ...]], limit: float
) -> Iterator[tuple[str, Any, str]]:
    """(key, what a function gives of its arguments, "") as they are done, or (key, None, why there is nothing).

    limit: elapsed seconds a task may run, 0 for no end; the worker of one that takes longer is ended by its nanny.
    """
    waiting = list(tasks)[::-1]
    futures: dict[str, Any] = {}
    began: dict[str, float] = {}
    looked = time.monotonic()
    while futures or waiting:
        # Not more than run at once: Dask blames the end of a worker on all it was given.
        while waiting and len(futures) < max(1, sum(client.nthreads().values())):
            key = waiting.pop()
            futures[key] = client.submit(function, *tasks[key], key=key, pure=False)
        done = [key for key, future in futures.items() if future.done()]
        for key in done:
            future = futures.pop(key)
            yield (key, future.result(), "") if future.status == "finished" else (key, None, why_not(future))
        if limit and time.monotonic() - looked > _POLL:
            looked = time.monotonic()
            for key in overdue(client, began, limit):
                if key in futures:
                    address = worker_of(client, key)
                    futures.pop(key).cancel(force=True)
                    client.restart_workers([address], raise_for_error=False)
                    yield key, None, f"not judged within {limit:g} s"
        if not done:
            time.sleep(_PAUSE)


def why_not(future: Any) -> str:
    """Why a task gave nothing."""
    error = future.exception() if future.status == "error" else None
    if error is None or type(error).__name__ == "KilledWorker":
        return f"its worker ended {TRIES} times"
    return f"this is a fault of patchscan: {in_words(error)}"


def overdue(client: Any, began: dict[str, float], limit: float) -> list[str]:
    """The tasks that run for too long; began: when each was first seen to run, which is kept up to date."""
    now = time.monotonic()
    # A worker of one thread runs what it was given first.
    running = {key for keys in client.processing().values() for key in keys[:1]}
    for key in set(began) - running:
        del began[key]
    return [key for key in sorted(running) if now - began.setdefault(key, now) > limit]


def worker_of(client: Any, key: str) -> str:
    """The address of the worker that was given a task."""
    return next((address for address, keys in client.processing().items() if key in keys), "")
