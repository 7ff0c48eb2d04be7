"""The command line's end of the socket: a run is handed to the process that stays, where one does.

Whatever is not as it should be, the command line runs by itself: nobody has to know whether a resident runs. What is
imported here is paid by each command line: it is what the interpreter has loaded already, and the socket itself.
"""

import os
import sys
from _socket import AF_UNIX, SCM_RIGHTS, SOCK_STREAM, SOL_SOCKET, socket
from stat import S_ISSOCK

# What only reads, and whose answer is the same wherever it runs.
TAKEN = ("scan", "why", "compare", "model", "explain", "rules")
# What writes, waits, speaks to another program, starts further processes or is done at once.
ALONE = (
    *("lint", "syntax", "simulate", "index", "who", "callers", "field", "serve", "survey", "cost"),
    *("b4-check", "b4-review", "nipa", "completion", "new-rule", "test-rules", "help"),
)
# Who is busy with another run does not answer in this time; we are as quick then by ourselves.
PATIENCE = 0.5
YES, GO = b"+", b"!"
# Lengths and the exit status, on the wire.
NUMBER = 4
LONGEST = 1 << 22


def socket_path() -> str | None:
    """Where the socket is, None where the system gives us no directory of our own for it."""
    directory = os.environ.get("XDG_RUNTIME_DIR", "")
    return os.path.join(directory, "patchscan.sock") if os.path.isabs(directory) else None


def answered(words: list[str]) -> int | None:
    """The exit status of a command line that a resident has run, None where none did."""
    path = socket_path()
    if path is None or not is_ours(path) or not is_for_resident(words):
        return None
    end = socket(AF_UNIX, SOCK_STREAM)
    try:
        end.settimeout(PATIENCE)
        end.connect(path)
        ask(end, words)
        if end.recv(1) != YES:
            return None
        end.settimeout(None)
        end.sendall(GO)
        status = read_all(end, NUMBER)
    except OSError:
        return None
    finally:
        end.close()
    return int.from_bytes(status, "big") if len(status) == NUMBER else None


def is_ours(path: str) -> bool:
    """Whether the socket is there, and nobody else can have made it or can reach it."""
    try:
        status = os.lstat(path)
    except (OSError, ValueError):
        return False
    return S_ISSOCK(status.st_mode) and status.st_uid == os.geteuid() and not status.st_mode & 0o077


def is_for_resident(words: list[str]) -> bool:
    """Whether a command line is one that a resident takes, and has the three streams that it would be given."""
    named = any(word.startswith(("--jobs", "--help", "--version")) or word == "-h" for word in words)
    whole = None not in (sys.stdin, sys.stdout, sys.stderr)
    return whole and not named and not (words and words[0] in ALONE)


def ask(end: socket, words: list[str]) -> None:
    """Send a command line with what it is run in: environment, umask, working directory and standard streams."""
    mask = os.umask(0o077)
    os.umask(mask)
    told = [*program(), str(mask), str(len(words)), *words]
    data = b"\0".join([*map(os.fsencode, told), *(name + b"=" + text for name, text in os.environb.items())])
    here = os.open(".", os.O_RDONLY | os.O_DIRECTORY)
    try:
        streams = b"".join(number.to_bytes(4, sys.byteorder) for number in (0, 1, 2, here))
        end.sendmsg([len(data).to_bytes(NUMBER, "big")], [(SOL_SOCKET, SCM_RIGHTS, streams)])
    finally:
        os.close(here)
    end.sendall(data)


def program() -> list[str]:
    """What tells this program from another one, or from itself in another environment."""
    return [sys.version, sys.prefix, os.path.dirname(os.path.dirname(os.path.abspath(__file__)))]


def read_all(end: socket, count: int) -> bytes:
    """So many bytes, fewer where the other end closes."""
    data = b""
    while len(data) < count and (piece := end.recv(count - len(data))):
        data += piece
    return data
