"""What git show and git log -p print, to mails."""

import re

from patchscan.basics.pattern import pattern

_COMMIT = pattern(rb"^commit [0-9a-f]{7,64}(?: [^\n]*)?\n(?=(?:Merge|Author|AuthorDate|Commit): )", re.M)
_FIELD = pattern(rb"(Author|Date|AuthorDate): +([^\n]*)\n")
_INDENT = b"    "


def is_log(data: bytes) -> bool:
    """Whether data begins as git show and git log do."""
    return _COMMIT.match(data) is not None


def log_to_mails(data: bytes) -> list[bytes]:
    """The commits of a log with diffs as mails, oldest first (git log prints the newest first).

    A line of a hunk begins with a space, "+" or "-", so "commit" at column 0 is always git's.
    """
    commits = [found.start() for found in _COMMIT.finditer(data)]
    ends = [*commits[1:], len(data)]
    return [_mail(data[start:end]) for start, end in zip(commits, ends, strict=True)][::-1]


def _mail(commit: bytes) -> bytes:
    head, _, rest = commit.partition(b"\n\n")
    fields = {found[1]: found[2] for found in _FIELD.finditer(head + b"\n")}
    lines = rest.split(b"\n")
    end = next((at for at, line in enumerate(lines) if line and not line.startswith(_INDENT)), len(lines))
    message = [line.removeprefix(_INDENT) for line in lines[:end]]
    title, text = (message[0], message[1:]) if message else (b"", [])
    date = fields.get(b"AuthorDate") or fields.get(b"Date") or b""
    headers = [b"From: " + (fields.get(b"Author") or b""), b"Date: " + date, b"Subject: " + title]
    return b"\n".join([*headers, b"", *text, b"---", *lines[end:]])
