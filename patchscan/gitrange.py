"""A git revision range to messages, by the same road as mail."""

from patchscan.git import GitError, run_git
from patchscan.mail import Message, read_messages
from patchscan.problem import Problem

_OPTIONS = (
    "--stdout",
    "--numbered",
    "--full-index",
    "--binary",
    "--no-ext-diff",
    "--no-textconv",
    "--no-signature",
    "--no-attach",
    "--src-prefix=a/",
    "--dst-prefix=b/",
)


def read_range(revisions: str, cwd: str) -> tuple[tuple[Message, ...], tuple[Problem, ...]]:
    """Read the commits of a range ("HEAD~3..") in the git tree at cwd as the patches they would be sent as.

    Raises nothing: a range that git does not know is a Problem with git's first line.
    """
    if revisions.startswith("-") or "\0" in revisions:
        return (), (Problem(revisions, "this is an option and no revision range"),)
    try:
        patches = run_git(cwd, "format-patch", *_OPTIONS, "--end-of-options", revisions, "--")
    except GitError as error:
        return (), (Problem(revisions, f"git cannot read this range: {error}"),)
    if not patches.strip():
        return (), (Problem(revisions, "this range holds no commits but merges"),)
    return read_messages(patches, revisions)
