"""Whether the sources on disk are those that run here: what is kept by their names must be what they say."""

import os
from collections.abc import Iterable

import patchscan

# A file system may tell a time that is so much older than the change.
_TICK_NANOSECONDS = 50_000_000
# How the names of files begin that are made of others as they are asked for.
_MADE = "compiled."


def runs_as_it_stands(places: Iterable[str]) -> bool:
    """Whether no file in some directories and below has changed since this process began to load ours."""
    latest = patchscan.BEGAN - _TICK_NANOSECONDS
    for place in places:
        for directory, inner, names in os.walk(place):
            inner[:] = [each for each in inner if each != "__pycache__"]
            for name in (each for each in names if not each.startswith(_MADE)):
                status = os.stat(os.path.join(directory, name))
                if max(status.st_mtime_ns, status.st_ctime_ns) > latest:
                    return False
    return True
