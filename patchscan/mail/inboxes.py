"""Mail kept on this machine: inboxes as public-inbox clones them (format v2) and the store of lei, asked for a thread.

A v2 inbox is a directory of git repositories, git/0.git and on, whose commits hold one mail each in the file "m"; lei's
store has local/0.git instead. Where public-inbox-index was run, over.sqlite3 knows threads (public-inbox-v2-format(5)).
"""

import os
import subprocess
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from glob import escape, glob

from patchscan.basics.git import GitError, git_command, git_environment, run_git
from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen

# A thread of more mails is cut there; the longest of the kernel's lists have a thousand.
_MOST_MAILS = 5000
_DAY_IN_NAME = pattern(r"(?<!\d)(20[0-3]\d)-?([01]\d)-?([0-3]\d)")
# Without an index, mails from two days before the day that a Message-ID names until so many days after it are read.
_DAYS_OF_THREAD = 120
_HEAD = 1 << 16
_NAME = pattern(rb"<([^<>\s]{1,998})>")
_NAMING_HEADER = pattern(rb"(?im)^(message-id|references|in-reply-to):((?:.*(?:\n[ \t].*)*))")
_MAIL_IN_COMMIT = "m"
_CONFIGURED = pattern(r"publicinbox\..*\.inboxdir\n(.+)")


@frozen
class Found:
    """The mails of a thread as they were kept, oldest first, and the inbox they come from."""

    mails: tuple[bytes, ...]
    inbox: str


def known_inboxes(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Where mail may be kept: what PATCHSCAN_INBOX lists, the inboxes of public-inbox's configuration, lei's store."""
    home = environment.get("HOME", "")
    listed = [each for each in environment.get("PATCHSCAN_INBOX", "").split(os.pathsep) if each]
    settings = environment.get("PI_CONFIG") or os.path.join(home, ".public-inbox", "config")
    if os.path.isfile(settings):
        try:
            words = ("config", "--no-includes", "--file", settings, "--null")
            shown = run_git("/", *words, "--get-regexp", r"^publicinbox\..*\.inboxdir$")
            listed += [found[1] for one in shown.decode("utf-8", "surrogateescape").split("\0")
                       if (found := _CONFIGURED.fullmatch(one))]  # fmt: skip
        except GitError:
            pass
    data = environment.get("XDG_DATA_HOME") or os.path.join(home, ".local", "share")
    return tuple(
        dict.fromkeys(each for each in (*listed, os.path.join(data, "lei", "store")) if is_inbox(each))
    )


def is_inbox(directory: str) -> bool:
    """Whether a directory is a v2 inbox or lei's store."""
    return bool(_repositories(directory))


def find_thread(message_id: str, inboxes: Iterable[str]) -> Found | None:
    """The thread of a mail, from the first inbox that holds that; message_id: without <>. Raises nothing."""
    for inbox in inboxes:
        mails = _by_index(message_id, inbox)
        if mails is None:
            mails = _by_reading(message_id, inbox)
        if mails:
            return Found(tuple(mails), inbox)
    return None


def all_mails(inbox: str) -> Iterator[bytes]:
    """Every mail of an inbox as it was kept, oldest first; b"" for one that was taken out. Raises GitError."""
    for repository in reversed(_repositories(inbox)):
        commits = run_git(repository, "rev-list", "--all", "--reverse").decode().split()
        yield from _contents(repository, [f"{one}:{_MAIL_IN_COMMIT}" for one in commits])


def _repositories(inbox: str) -> list[str]:
    """The repositories of an inbox, the newest first; one alone may be named, too."""
    found = [
        path for room in ("git", "local") for path in glob(os.path.join(escape(inbox), room, "[0-9]*.git"))
    ]
    return sorted(found, key=lambda path: -int(os.path.basename(path).removesuffix(".git") or 0))


def _by_index(message_id: str, inbox: str) -> list[bytes] | None:
    """The thread as over.sqlite3 has it, None where there is no index that can be read."""
    import sqlite3
    from urllib.parse import quote

    places = sorted(glob(os.path.join(escape(inbox), "xap*", "over.sqlite3")))
    places += sorted(glob(os.path.join(escape(inbox), "ei*", "over.sqlite3")))
    for place in reversed(places):
        try:
            connection = sqlite3.connect(f"file:{quote(os.path.abspath(place))}?mode=ro", uri=True)
            try:
                rows = connection.execute(_THREAD, (message_id, _MOST_MAILS)).fetchall()
            finally:
                connection.close()
            blobs = [_blob(row[0]) for row in rows]
        except (sqlite3.Error, zlib.error, IndexError):
            continue
        return list(_contents(_all(inbox), [blob for blob in blobs if blob]))
    return None


_THREAD = """
SELECT ddd FROM over WHERE ddd IS NOT NULL AND tid IN (
    SELECT over.tid FROM msgid JOIN id2num ON id2num.id = msgid.id JOIN over ON over.num = id2num.num WHERE mid = ?
) ORDER BY ds, num LIMIT ?
"""


def _blob(document: bytes) -> str:
    """The name of the blob that a row describes: the sixth line of what it holds."""
    name = zlib.decompress(document).split(b"\n")[5].decode("ascii", "replace")
    return name if name.isalnum() else ""


def _all(inbox: str) -> str:
    """The repository that sees the objects of all others."""
    for name in ("all.git", "ALL.git"):
        if os.path.isdir(os.path.join(inbox, name)):
            return os.path.join(inbox, name)
    return _repositories(inbox)[0]


def _by_reading(message_id: str, inbox: str) -> list[bytes]:
    """The thread, found by reading the mails themselves: those around the day in its name, else all."""
    names: dict[str, list[str]] = {}
    places: list[tuple[str, str]] = []
    own: list[str] = []
    for repository in _repositories(inbox):
        try:
            commits = (
                run_git(repository, "rev-list", "--all", "--reverse", *_window(message_id)).decode().split()
            )
        except GitError:
            continue
        for commit, mail in zip(
            commits, _contents(repository, [f"{one}:{_MAIL_IN_COMMIT}" for one in commits]), strict=False
        ):
            named = _named(mail)
            if not named:
                continue
            names[commit] = named
            places.append((repository, commit))
            own += [commit] if named[0] == message_id else []
    if not own:
        return []
    thread = _joined(names, own[0])
    wanted = [(repository, commit) for repository, commit in places if commit in thread][:_MOST_MAILS]
    return [
        mail
        for repository in dict.fromkeys(repository for repository, _ in wanted)
        for mail in _contents(repository, [f"{commit}:m" for where, commit in wanted if where == repository])
    ]


def _window(message_id: str) -> tuple[str, ...]:
    """What narrows a search to the days of a thread, where the Message-ID begins with its day."""
    from datetime import date, timedelta

    found = _DAY_IN_NAME.match(message_id)
    try:
        day = date(*map(int, found.groups())) if found else None
    except ValueError:
        day = None
    if day is None:
        return ()
    return f"--since={day - timedelta(2)}", f"--until={day + timedelta(_DAYS_OF_THREAD)}"


def _named(mail: bytes) -> list[str]:
    """The Message-IDs in the headers of a mail, its own first; none where it has none."""
    head = mail[:_HEAD].replace(b"\r\n", b"\n").partition(b"\n\n")[0]
    own: list[bytes] = []
    others: list[bytes] = []
    for found in _NAMING_HEADER.finditer(head):
        (own if found[1].lower() == b"message-id" else others).extend(_NAME.findall(found[2]))
    return [name.decode("utf-8", "surrogateescape") for name in (*own[:1], *others)] if own else []


def _joined(names: Mapping[str, Sequence[str]], start: str) -> set[str]:
    """The mails that hang together with one by the Message-IDs they name."""
    by_name: dict[str, list[str]] = {}
    for mail, named in names.items():
        for name in named:
            by_name.setdefault(name, []).append(mail)
    found, open_ones = {start}, [start]
    while open_ones:
        for name in names[open_ones.pop()]:
            for mail in by_name.pop(name, ()):
                if mail not in found:
                    found.add(mail)
                    open_ones.append(mail)
    return found


def _contents(repository: str, objects: Sequence[str]) -> Iterator[bytes]:
    """What objects of a repository hold, in their order; b"" for one that is not there."""
    if not objects:
        return
    process = subprocess.Popen(
        git_command(repository, ("cat-file", "--batch")),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=git_environment(),
    )
    assert process.stdin and process.stdout
    try:
        for start in range(0, len(objects), 200):
            # So few questions fit into the pipe while git still answers.
            few = objects[start : start + 200]
            process.stdin.write("".join(f"{one}\n" for one in few).encode("utf-8", "surrogateescape"))
            process.stdin.flush()
            for _ in few:
                words = process.stdout.readline().split()
                size = int(words[-1]) if words and words[-1].isdigit() else -1
                yield process.stdout.read(size + 1)[:-1] if size >= 0 else b""
    finally:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()
