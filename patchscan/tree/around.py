"""The series that a patch belongs to, found in the git tree we stand in."""

import json
from collections.abc import Iterator, Mapping

from patchscan.basics.files import MOST_OF_SETTINGS, Unreadable, read_file
from patchscan.basics.git import GitError, run_git
from patchscan.basics.pattern import pattern
from patchscan.mail.gitrange import base_of, read_range
from patchscan.mail.thread import read_thread
from patchscan.series import Thread
from patchscan.tree import TreeError, open_tree

# The commit in which `b4 prep` keeps the cover letter; the series follows it.
COVER_MARK = "--- b4-submit-tracking ---"
_COMMIT = pattern(r"[0-9a-f]{7,40}")
_CHANGE = pattern(r"[\w.+-]+")


def series_around(directory: str, environment: Mapping[str, str]) -> tuple[Thread, str] | None:
    """(the series in the tree, the commit it stands on); None where there is none.

    environment: b4 review names the branch it applied the series to in the file B4_TRACKING_FILE, NIPA the commit
    below the series in BRANCH_BASE; else it is the branch checked out, from b4's cover letter or its upstream on.
    """
    for revisions in ranges(directory, environment):
        base = base_of(revisions, directory)
        if base is None:
            continue
        thread = read_thread(*read_range(revisions, directory))
        try:
            open_tree(directory, base)
        except TreeError:
            continue
        if thread.series:
            return thread, base
    return None


def ranges(directory: str, environment: Mapping[str, str]) -> Iterator[str]:
    """The revision ranges in which the series may be, the surest first."""
    tracked = tracked_range(environment.get("B4_TRACKING_FILE", ""))
    if tracked:
        yield tracked
    start = environment.get("BRANCH_BASE") or series_start(directory)
    if start:
        yield f"{start}..HEAD"


def tracked_range(path: str) -> str | None:
    """The range that b4 review's tracking file names, None where it names none."""
    try:
        series = json.loads(read_file(path, MOST_OF_SETTINGS))["series"]
        first, change = str(series["first-patch-commit"]), str(series["change-id"])
    except (Unreadable, ValueError, KeyError, TypeError, RecursionError):
        return None
    if not _COMMIT.fullmatch(first) or not _CHANGE.fullmatch(change):
        return None
    # The tip of the branch is b4's own commit.
    return f"{first}^..b4/review/{change}~1"


def series_start(directory: str) -> str | None:
    """The commit that the series of the current branch follows: b4's cover letter, else the upstream branch."""
    try:
        search = ("log", "-1", "--format=%H", "--fixed-strings", f"--grep={COVER_MARK}", "HEAD", "--")
        cover = run_git(directory, *search).decode().strip()
        return cover or run_git(directory, "merge-base", "HEAD", "@{upstream}").decode().strip()
    except GitError:
        return None
