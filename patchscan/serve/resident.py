"""The process that stays: it runs command lines one after the other, each as if it were alone.

What it keeps between two runs is what does not depend on either: loaded modules and rules, and what was computed from a
text, kept by that text. What is known of a tree ends with the run, for the tree may be another one by then.
"""

import gc
import io
import os
import select
import socket
import struct
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

from patchscan.basics.record import frozen
from patchscan.basics.streams import prepare_streams
from patchscan.basics.usage import UsageError
from patchscan.serve.client import GO, LONGEST, NUMBER, YES, program, read_all, socket_path

# What a client may take to send what it has ready.
_PATIENCE = 2.0
# Who asks for several things asks for the next one within this time.
_PAUSE = 0.2
# Objects that a run leaves behind, or that wait to be looked at, before the collector is asked.
_MUCH = 100_000
# Files that are made of the others by whoever comes first.
_MADE = "compiled."
Run = Callable[[Sequence[str]], int]


@frozen
class Request:
    """A command line, the program that it was given to, and the umask and environment it is run in."""

    program: list[str]
    mask: int
    words: list[str]
    environment: dict[str, str]


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
    """A socket and what answers on it; run: what a command line does; rest: what is done while nobody waits."""

    def __init__(self, run: Run, rest: Callable[[], None] = lambda: None) -> None:
        self.run = run
        self.rest = rest
        self.stamp = stamp()
        self.socket, self.path = listening()
        self.served = 0

    def serve(self) -> None:
        """Answer until the program on disk is another one, which is looked at when somebody asks."""
        while self.answer_one():
            pass
        self.close()

    def is_current(self) -> bool:
        """Whether the program on disk is the one that runs here."""
        return stamp() == self.stamp

    def answer_one(self) -> bool:
        """Wait for a client and run its command line; what goes wrong with the client ends with it.

        False where the program on disk is not the one that runs here.
        """
        end, _ = self.socket.accept()
        with end, suppress(OSError, ValueError):
            end.settimeout(_PATIENCE)
            if not is_same_user(end):
                return True
            request, streams = received(end)
            try:
                if not self.is_current():
                    return False
                if request.program == program():
                    self.run_for(end, request, streams)
            finally:
                for number in streams:
                    os.close(number)
        made, *looks = gc.get_count()
        if made > _MUCH or any(looks):
            # So much was made that it is a run worth cleaning up after.
            gc.collect()
        if not select.select([self.socket], [], [], _PAUSE)[0]:
            self.rest()
        return True

    def run_for(self, end: socket.socket, request: Request, streams: Sequence[int]) -> None:
        """Run a command line, unless who asked for it waits no more."""
        end.sendall(YES)
        if end.recv(1) != GO:
            return
        end.settimeout(None)
        with as_client(request, streams):
            status = self.run(request.words)
        end.sendall(status.to_bytes(NUMBER, "big"))
        self.served += 1

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


def received(end: socket.socket) -> tuple[Request, list[int]]:
    """(the request, its streams 0 to 2 and its working directory). Raises ValueError for what is none."""
    head, streams, _, _ = socket.recv_fds(end, NUMBER, 4)
    try:
        length = int.from_bytes(head, "big")
        if len(head) != NUMBER or len(streams) != 4 or length > LONGEST:
            raise ValueError("no request")
        data = read_all(end, length)
        if len(data) != length:
            raise ValueError("a part of a request")
        return request_of(data), list(streams)
    except (OSError, ValueError):
        for number in streams:
            os.close(number)
        raise


def request_of(data: bytes) -> Request:
    """What patchscan.serve.client.ask() sends. Raises ValueError for anything else."""
    fields = [os.fsdecode(field) for field in data.split(b"\0")]
    if len(fields) < 5:
        raise ValueError("no request")
    mask, count, rest = int(fields[3]), int(fields[4]), fields[5:]
    if not 0 <= mask <= 0o777 or not 0 <= count <= len(rest):
        raise ValueError("no request")
    environment = dict(field.split("=", 1) for field in rest[count:])
    return Request(fields[:3], mask, rest[:count], environment)


@contextmanager
def as_client(request: Request, streams: Sequence[int]) -> Iterator[None]:
    """Be where the client is, with its environment and its streams; what it prints is written in one piece."""
    kept, here, mask = [os.dup(number) for number in (0, 1, 2)], os.open(".", os.O_RDONLY), 0
    environment, objects = dict(os.environ), (sys.stdin, sys.stdout, sys.stderr)
    held = Held()
    try:
        for number, stream in enumerate(streams[:3]):
            os.dup2(stream, number)
        os.fchdir(streams[3])
        mask = os.umask(request.mask)
        set_environment(request.environment)
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


def stamp() -> list[object]:
    """What tells that a file of the program is another one, or that there are others: names, sizes and times.

    Of directories it loads others from the times alone.
    """
    package = program()[2]
    marks: list[object] = [os.stat(place).st_mtime_ns for place in sys.path if os.path.isdir(place)]
    for place in (package, os.path.join(os.path.dirname(package), "rules")):
        for here, directories, names in os.walk(place):
            directories[:] = [name for name in directories if name != "__pycache__"]
            for name in names:
                if not name.startswith(_MADE) and not name.endswith(".pyc"):
                    status = os.stat(os.path.join(here, name))
                    marks += (here, name, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
    return marks
