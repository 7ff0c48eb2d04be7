"""The process that stays: it runs command lines one after the other, each as if it were alone.

What it keeps between two runs is what does not depend on either: loaded modules and rules, and what was computed from a
text, kept by that text. What is known of a tree ends with the run, for the tree may be another one by then.
"""

import gc
import io
import json
import os
import socket
import struct
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from patchscan.basics.streams import prepare_streams
from patchscan.basics.usage import UsageError
from patchscan.serve.client import GO, LONGEST, YES, program, read_all, socket_path

_LENGTH = struct.Struct("!I")
# What a client may take to send what it has ready.
_PATIENCE = 2.0
Run = Callable[[Sequence[str]], int]
Stamp = tuple[tuple[str, int, int], ...]


class Held(io.BytesIO):
    """What is written to standard output, held back to its end; otherwise it is what the client's is."""

    def fileno(self) -> int:
        """The number of standard output, which is the client's while its command line runs."""
        return 1

    def isatty(self) -> bool:
        """Whether the client's is a terminal."""
        return os.isatty(1)

    def close(self) -> None:
        """What is held stays readable."""


class Resident:
    """A socket and what answers on it; run: what a command line does."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.stamp = stamp()
        self.socket, self.path = listening()
        self.served = 0

    def serve(self) -> None:
        """Answer until the program on disk is another one."""
        while self.is_current():
            self.answer_one()
        self.close()

    def is_current(self) -> bool:
        """Whether the program on disk is the one that runs here."""
        return stamp() == self.stamp

    def answer_one(self) -> None:
        """Wait for a client and run its command line; what goes wrong with the client ends with it."""
        end, _ = self.socket.accept()
        with end, suppress(OSError, ValueError, KeyError):
            end.settimeout(_PATIENCE)
            if not is_same_user(end):
                return
            request, streams = received(end)
            try:
                if request["program"] != program() or not self.is_current():
                    return
                end.sendall(YES)
                if end.recv(1) != GO:
                    return
                end.settimeout(None)
                with as_client(request, streams):
                    status = self.run(request["words"])
                end.sendall(_LENGTH.pack(status))
                self.served += 1
            finally:
                for number in streams:
                    os.close(number)
        gc.collect()

    def close(self) -> None:
        """Take the socket away."""
        self.socket.close()
        with suppress(OSError):
            os.unlink(self.path)


def listening() -> tuple[socket.socket, str]:
    """A socket that only this user can reach, and where it is. Raises UsageError where one is there, or none can be."""
    path = socket_path()
    if path is None:
        raise UsageError("XDG_RUNTIME_DIR is not set: there is no directory of yours for the socket")
    end = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    mask = os.umask(0o177)
    try:
        if os.path.lexists(path):
            if is_alive(path):
                raise UsageError(f"{path}: another `patchscan serve` runs")
            os.unlink(path)
        end.bind(path)
        end.listen(16)
    except OSError as error:
        end.close()
        raise UsageError(f"{path}: {error.strerror or error}") from None
    except UsageError:
        end.close()
        raise
    finally:
        os.umask(mask)
    return end, path


def is_alive(path: str) -> bool:
    """Whether somebody listens on a socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as end:
        end.settimeout(_PATIENCE)
        try:
            end.connect(path)
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        except OSError:
            return True
    return True


def is_same_user(end: socket.socket) -> bool:
    """Whether the client belongs to the user whose process this is."""
    peer = struct.Struct("3i")
    _, user, _ = peer.unpack(end.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, peer.size))
    return bool(user == os.geteuid())


def received(end: socket.socket) -> tuple[dict[str, Any], list[int]]:
    """(the request, its streams 0 to 2 and its working directory). Raises ValueError for what is none."""
    head, streams, _, _ = socket.recv_fds(end, _LENGTH.size, 4)
    try:
        if len(head) != _LENGTH.size or len(streams) != 4 or _LENGTH.unpack(head)[0] > LONGEST:
            raise ValueError("no request")
        request: dict[str, Any] = json.loads(read_all(end, _LENGTH.unpack(head)[0]))
    except ValueError:
        for number in streams:
            os.close(number)
        raise
    return request, list(streams)


@contextmanager
def as_client(request: dict[str, Any], streams: Sequence[int]) -> Iterator[None]:
    """Be where the client is, with its environment and its streams; what it prints is written in one piece."""
    kept, here, mask = [os.dup(number) for number in (0, 1, 2)], os.open(".", os.O_RDONLY), 0
    environment, objects = dict(os.environ), (sys.stdin, sys.stdout, sys.stderr)
    held = Held()
    try:
        for number, stream in enumerate(streams[:3]):
            os.dup2(stream, number)
        os.fchdir(streams[3])
        mask = os.umask(request["mask"])
        set_environment(request["environment"])
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
        sys.stdout = io.TextIOWrapper(held, encoding=objects[1].encoding)
        sys.stderr = open(2, "w", encoding=objects[2].encoding, buffering=1, closefd=False)  # noqa: SIM115
        prepare_streams()
        yield
        sys.stdout.flush()
        write_whole(1, held.getvalue())
    finally:
        sys.stdin, sys.stdout, sys.stderr = objects
        for number, stream in enumerate(kept):
            os.dup2(stream, number)
            os.close(stream)
        os.fchdir(here)
        os.close(here)
        os.umask(mask)
        set_environment(environment)


def set_environment(environment: dict[str, str]) -> None:
    """Make the environment of this process what it is to be; what stays is not set anew."""
    for name in set(os.environ).difference(environment):
        del os.environ[name]
    os.environ.update({name: text for name, text in environment.items() if os.environ.get(name) != text})


def write_whole(number: int, data: bytes) -> None:
    """Write all of it; a reader that has gone needs no more."""
    view = memoryview(data)
    with suppress(BrokenPipeError):
        while view:
            view = view[os.write(number, view) :]


def stamp() -> Stamp:
    """Every file of the program with its size and time, and the directories it loads others from with theirs."""
    package = program()[2]
    places = [package, os.path.join(os.path.dirname(package), "rules")]
    found = [
        os.path.join(here, name)
        for place in places
        for here, _, names in os.walk(place)
        for name in names
        if not name.endswith(".pyc")
    ]
    return tuple(
        (path, status.st_size, status.st_mtime_ns)
        for path in sorted([*found, *filter(os.path.isdir, sys.path)])
        if (status := os.stat(path))
    )
