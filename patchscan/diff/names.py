"""The names in a diff to paths in a kernel tree."""

import re

from patchscan.basics.pattern import pattern

# The directories at the top of the kernel tree, by which a name without a prefix is told from one with.
_TOP = """
arch block certs crypto Documentation drivers fs include init io_uring ipc kernel lib LICENSES mm
net rust samples scripts security sound tools usr virt
"""
TOP_DIRECTORIES = frozenset(_TOP.split())
_LONGEST = 4096  # PATH_MAX of include/uapi/linux/limits.h
_ESCAPE = pattern(rb"\\([0-7]{1,3}|.)", re.S)
_NAMED_ESCAPES = {b"a": b"\a", b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}
# C0, DEL and C1, what Unicode counts as line ends, and what turns the direction of text round.
_CONTROL = pattern("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_BACKUP_SUFFIX = pattern(r"(?:\.orig|\.old|\.bak|~[^/]*)$")


def unquote(name: str) -> str:
    """Undo git's quoting of a name ("a/\\303\\244.c" in double quotes); others are returned as they are."""
    if len(name) < 2 or name[0] != '"' or name[-1] != '"':
        return name
    raw = name[1:-1].encode("utf-8", "surrogateescape")
    return _ESCAPE.sub(_unescape, raw).decode("utf-8", "surrogateescape")


def _unescape(found: re.Match[bytes]) -> bytes:
    what = found.group(1)
    if what[:1].isdigit() and what[:1] in b"01234567":
        return bytes([int(what, 8) & 0xFF])
    return _NAMED_ESCAPES.get(what, what)


def names_in_tree(old: str, new: str, prefixed: bool) -> tuple[str | None, str | None]:
    """Take the prefixes ("a/", "linux.orig/") off the two names of a diff: the paths in the tree.

    prefixed: whether there may be any (git writes none in "rename from"). A backup's suffix goes too
    ("mm/gup.c.orig"). Returns None for both where one of them leaves the tree.
    """
    if max(len(old), len(new)) > _LONGEST:
        return None, None
    if prefixed:
        old, new = _without_prefix(old, new)
    if old != new and _without_backup(old) == _without_backup(new):
        old = new = _without_backup(new)
    if not (stays_in_tree(old) and stays_in_tree(new)):
        return None, None
    return old, new


def _without_prefix(old: str, new: str) -> tuple[str, str]:
    """Take off the first directory where it is not one of the tree's.

    That is so for single letters (git's a, b, c, i, o, w), for two names that differ only there (linux.orig/
    and linux/), and for one that stands above a directory of the kernel's (linux-6.12/mm/).
    """
    old_first, _, old_rest = old.partition("/")
    new_first, _, new_rest = new.partition("/")
    if not (old_first and old_rest and new_first and new_rest):
        return old, new
    letters = len(old_first) == len(new_first) == 1 and old_first.isalnum() and new_first.isalnum()
    in_tree = old_first in TOP_DIRECTORIES or new_first in TOP_DIRECTORIES
    differ = old_first != new_first and _without_backup(old_rest) == _without_backup(new_rest)
    above = old_first == new_first and new_rest.partition("/")[0] in TOP_DIRECTORIES
    if letters or (not in_tree and (differ or above)):
        return old_rest, new_rest
    return old, new


def _without_backup(name: str) -> str:
    return _BACKUP_SUFFIX.sub("", name)


def stays_in_tree(path: str) -> bool:
    """Whether a path is relative, has no ".." in it, does not reach into .git and holds no control character.

    A line end in a name would make further lines of whatever is written of it: of a diff, of a report.
    """
    parts = path.split("/")
    inside = bool(path) and all(part not in ("", ".", "..") and part.lower() != ".git" for part in parts)
    return inside and not _CONTROL.search(path)


def refusal(name: str) -> str:
    """Why the name of a file is refused, in words."""
    return (
        "this name holds control characters" if _CONTROL.search(name) else "this path leaves the kernel tree"
    )
