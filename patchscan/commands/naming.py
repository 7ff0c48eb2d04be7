"""What a word of the command line names: files, a commit, a branch or range of git, a mail in an inbox at hand."""

from __future__ import annotations

import os

from patchscan.basics.pattern import pattern
from patchscan.basics.usage import UsageError, working_directory

# Not imported from typing, which takes a tenth of the time that `--help` has.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence

_MESSAGE_ID = pattern(r"<?(?:id:|mid:)?([^\s<>@]+@[^\s<>@{}/]+)>?")
_ADDRESS = pattern(r"https?://[^/\s]+/(\S*)")
_FULL_COMMIT = pattern(r"\b([0-9a-f]{12})[0-9a-f]{28}\b")
# Where a branch that follows no other may have begun.
_TRUNKS = ("origin/HEAD", "origin/master", "origin/main", "master", "main")
MARKED_FILES = (".patch", ".diff", ".eml", ".mbox", ".mbx", ".gz", ".xz", ".bz2", ".zst")


class Range:
    """Commits of a git repository; told: one line on what a word was taken for, "" where that is plain."""

    def __init__(self, directory: str, revisions: str, told: str = "") -> None:
        self.directory = directory
        self.revisions = revisions
        self.told = told


class NotThere(UsageError):
    """A word names nothing at hand; word: that one."""

    def __init__(self, word: str, text: str) -> None:
        super().__init__(text)
        self.word = word


def default_series(tree: str | None) -> list[str]:
    """What is judged where nothing is named: standard input where something comes in, else the branch at hand."""
    return ["-"] if something_comes_in() else [upstream_range(tree)]


def something_comes_in() -> bool:
    """Whether standard input is a pipe or file that holds something; a pipe is waited for."""
    import stat
    import sys

    try:
        mode = os.fstat(sys.stdin.fileno()).st_mode
        usual = stat.S_ISFIFO(mode) or stat.S_ISREG(mode) or stat.S_ISSOCK(mode)
        return usual and bool(getattr(sys.stdin.buffer, "peek")(1))  # noqa: B009
    except (AttributeError, OSError, ValueError):
        return False


def range_of(words: Sequence[str], tree: str | None) -> Range | None:
    """The commits that a series is named by, None where it is named otherwise; in the tree, else where we stand.

    Raises UsageError where a branch does not tell where it begins.
    """
    if len(words) != 1 or words[0] == "-" or os.path.lexists(words[0]) or message_id_of(words[0]):
        return None
    places = [place for place in (tree, working_directory()) if place and os.path.isdir(place)]
    if any(mark in words[0] for mark in ("..", "^!", "^-")):
        known = [place for place in places if _knows(place, words[0])] if len(places) > 1 else []
        return Range((known or places)[0], words[0])
    for place in places:
        found = _commits_of(words[0], place)
        if found is not None:
            return found
    return None


def upstream_range(tree: str | None) -> str:
    """The range of the branch at hand, told on standard error. Raises UsageError where there is none."""
    from patchscan.basics.git import GitError, run_git
    from patchscan.basics.streams import say
    from patchscan.tree.around import ranges

    place = tree or working_directory()
    try:
        run_git(place, "rev-parse", "--git-dir")
    except GitError:
        raise UsageError(
            "name a series: an mbox, patches, a git range or - (see `patchscan --help`)"
        ) from None
    revisions = next(ranges(place, {}), None)
    if revisions is None:
        why = "the branch at hand follows no upstream"
        raise UsageError(
            f"{why}: name the series, e.g. `patchscan HEAD~3..`, or set one with `git branch -u`"
        )
    if not run_git(place, "rev-list", "-1", "--no-merges", "--end-of-options", revisions, "--").strip():
        raise UsageError(
            "the branch at hand has no commit that its upstream lacks: name a series, e.g. HEAD~3.."
        )
    say(f"patchscan: reading {_short(revisions)}, what this branch has and its upstream has not")
    return revisions


def message_id_of(word: str) -> str | None:
    """The Message-ID that a word is or, as an address of a web archive, holds; None where there is none.

    Raises UsageError for an address without one.
    """
    address = _ADDRESS.fullmatch(word)
    if not address:
        found = None if os.path.lexists(word) else _MESSAGE_ID.fullmatch(word)
        return found[1] if found else None
    from urllib.parse import unquote

    names = [unquote(part) for part in address[1].split("/") if "@" in unquote(part)]
    if not names:
        raise UsageError(
            f"{word}: no Message-ID in this address; get the thread with `b4 mbox` and name the file"
        )
    return names[0].strip("<>")


def not_there(word: str) -> NotThere:
    """What to say of a word that names nothing at hand."""
    from patchscan.basics.nearest import nearest

    directory, name = os.path.split(word)
    what = "cannot be read: No such file or directory"
    try:
        near = nearest(name, os.listdir(directory or "."))
    except (OSError, ValueError):
        return NotThere(word, f"{word}: {what}")
    if near:
        return NotThere(word, f"{word}: {what}; did you mean {os.path.join(directory, near)}?")
    if not directory and not word.endswith(MARKED_FILES):
        what = "no such file, and no commit of a git tree at hand"
    return NotThere(word, f"{word}: {what}")


def inboxes_for(options: Namespace | None) -> tuple[str, ...]:
    """The inboxes to ask: those of --inbox, else those at hand."""
    from patchscan.mail.inboxes import known_inboxes

    return tuple(getattr(options, "inbox", None) or known_inboxes(os.environ))


def _short(revisions: str) -> str:
    """A range with the names of its commits cut to what one reads."""
    return _FULL_COMMIT.sub(r"\1", revisions)


def _knows(place: str, revisions: str) -> bool:
    from patchscan.basics.git import GitError, run_git

    try:
        run_git(place, "rev-list", "-1", "--end-of-options", revisions, "--")
    except GitError:
        return False
    return True


def _commits_of(word: str, place: str) -> Range | None:
    """The commit that a word names, or what a branch holds; None where a repository knows neither."""
    from patchscan.basics.git import GitError, commit_of, run_git

    try:
        commit_of(place, word)
        full = run_git(place, "rev-parse", "--symbolic-full-name", "--end-of-options", word).decode().split()
    except GitError:
        return None
    branch = next((name for name in full if name.startswith(("refs/heads/", "refs/remotes/"))), "")
    if not branch or word in ("HEAD", "@"):
        return Range(place, f"{word}^!")
    start = _start_of(branch, place)
    if start is None:
        raise UsageError(f"{word}: this branch follows no upstream: name a range, e.g. v6.12..{word}")
    return Range(place, f"{start}..{word}", f"reading {start}..{word}")


def _start_of(branch: str, place: str) -> str | None:
    """Where a branch began: its upstream, a trunk, or the tag it stands on, whichever of them it goes beyond."""
    from patchscan.basics.git import GitError, run_git

    short = branch.removeprefix("refs/heads/").removeprefix("refs/remotes/")
    for start in (f"{short}@{{upstream}}", *_TRUNKS):
        try:
            ahead = run_git(place, "rev-list", "-1", "--end-of-options", f"{start}..{branch}", "--").strip()
            run_git(place, "merge-base", start, branch)
        except GitError:
            continue
        if ahead:
            return start
    try:
        return run_git(place, "describe", "--tags", "--abbrev=0", branch).decode().strip()
    except GitError:
        return None
