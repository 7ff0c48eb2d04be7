"""A git revision range to messages, by the same road as mail."""

from patchscan.basics.git import GitError, commit_of, run_git
from patchscan.basics.problem import Problem
from patchscan.mail import Message, read_messages

_OPTIONS = (
    "--stdout",
    "--numbered",
    "--start-number=1",
    "--subject-prefix=PATCH",
    "--full-index",
    "--binary",
    "--no-ext-diff",
    "--no-textconv",
    "--no-signature",
    "--no-attach",
    "--no-thread",
    "--no-cover-letter",
    "--no-to",
    "--no-cc",
    "--no-add-header",
    "--no-from",
    "--no-notes",
    "--no-base",
    "--encoding=UTF-8",
    "--pretty=email",
    "--unified=3",
    "--find-renames",
    "--diff-algorithm=myers",
    "--no-relative",
    "--no-color",
    "-O/dev/null",
    "--src-prefix=a/",
    "--dst-prefix=b/",
)
_OLDEST_FIRST = ("--reverse", "--topo-order", "--no-merges")


def read_range(revisions: str, cwd: str) -> tuple[tuple[Message, ...], tuple[Problem, ...]]:
    """Read the commits of a range ("HEAD~3..") in the git tree at cwd as the patches they would be sent as.

    Raises nothing: a range that git does not know is a Problem with git's first line.
    """
    if revisions.startswith("-") or "\0" in revisions:
        return (), (Problem(revisions, "this is an option and no revision range"),)
    try:
        patches = run_git(cwd, "format-patch", *_OPTIONS, *named(revisions, cwd), "--")
    except GitError as error:
        return (), (Problem(revisions, f"git cannot read this range: {error}"),)
    if not patches.strip():
        return (), (Problem(revisions, "no commit of this range changes a file (merges are left out)"),)
    return read_messages(patches, revisions)


def named(revisions: str, cwd: str) -> tuple[str, ...]:
    """How git is told of a range. Of the first commit of a history it would take all that follow it."""
    commit = revisions.removesuffix("^!")
    if commit != revisions:
        try:
            commit_of(cwd, commit)
        except GitError:
            return "--end-of-options", revisions
        try:
            commit_of(cwd, f"{commit}^")
        except GitError:
            return "--root", "--end-of-options", commit
    return "--end-of-options", revisions


def base_of(revisions: str, cwd: str) -> str | None:
    """The commit that the first patch of a range stands on, None where there is none or git cannot say."""
    try:
        commits = run_git(cwd, "rev-list", *_OLDEST_FIRST, "--end-of-options", revisions, "--")
        return commit_of(cwd, f"{commits.split()[0].decode()}^") if commits.split() else None
    except GitError:
        return None
