"""The command line's end of the socket: a run is handed to the process that stays, where one does.

Whatever is not as it should be, the command line runs by itself: nobody has to know whether a resident runs.
"""

import json
import os
import socket
import struct
import sys

# What only reads, and whose answer is the same wherever it runs.
COMMANDS = ("scan", "why", "compare", "model", "explain", "rules")
# Who is busy with another run does not answer in this time; we are as quick then by ourselves.
PATIENCE = 0.5
YES, GO = b"+", b"!"
_LENGTH = struct.Struct("!I")
LONGEST = 1 << 22


def socket_path() -> str | None:
    """Where the socket is, None where the system gives us no directory of our own for it."""
    directory = os.environ.get("XDG_RUNTIME_DIR", "")
    return os.path.join(directory, "patchscan.sock") if os.path.isabs(directory) else None


def answered(words: list[str], commands: tuple[str, ...]) -> int | None:
    """The exit status of a command line that a resident has run, None where none did.

    words: the command line; commands: the names of all commands.
    """
    path = socket_path()
    if path is None or not is_ours(path) or not is_for_resident(words, commands):
        return None
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as end:
        try:
            end.settimeout(PATIENCE)
            end.connect(path)
            ask(end, words)
            if end.recv(1) != YES:
                return None
            end.settimeout(None)
            end.sendall(GO)
            status = read_all(end, _LENGTH.size)
        except OSError:
            return None
    return _LENGTH.unpack(status)[0] if len(status) == _LENGTH.size else None


def is_ours(path: str) -> bool:
    """Whether the socket is there, and nobody else can have made it or can reach it."""
    import stat

    try:
        status = os.lstat(path)
    except (OSError, ValueError):
        return False
    return stat.S_ISSOCK(status.st_mode) and status.st_uid == os.geteuid() and not status.st_mode & 0o077


def is_for_resident(words: list[str], commands: tuple[str, ...]) -> bool:
    """Whether a command line is one that a resident takes: what starts further processes does not gain by it."""
    command = words[0] if words and words[0] in commands else "scan"
    named = any(word.startswith(("--jobs", "--help", "--version")) or word == "-h" for word in words)
    return command in COMMANDS and not named and words[:1] != ["help"]


def ask(end: socket.socket, words: list[str]) -> None:
    """Send a command line with what it is run in: environment, umask, working directory and standard streams."""
    mask = os.umask(0o077)
    os.umask(mask)
    request = {"words": words, "environment": dict(os.environ), "mask": mask, "program": program()}
    data = json.dumps(request).encode()
    here = os.open(".", os.O_RDONLY | os.O_DIRECTORY)
    try:
        socket.send_fds(end, [_LENGTH.pack(len(data))], [0, 1, 2, here])
    finally:
        os.close(here)
    end.sendall(data)


def program() -> list[str]:
    """What tells this program from another one, or from itself in another environment."""
    return [sys.version, sys.prefix, os.path.dirname(os.path.dirname(os.path.abspath(__file__)))]


def read_all(end: socket.socket, count: int) -> bytes:
    """So many bytes, fewer where the other end closes."""
    data = b""
    while len(data) < count and (piece := end.recv(count - len(data))):
        data += piece
    return data
