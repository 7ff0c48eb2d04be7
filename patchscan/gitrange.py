"""A git revision range to messages, by the same road as mail."""

import subprocess

from patchscan.mail import Message, read_messages
from patchscan.problem import Problem

# A tree may be somebody else's: neither its hooks nor its file system monitor may run.
GIT = ("git", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "--no-pager")


def read_range(revisions: str, cwd: str) -> tuple[tuple[Message, ...], tuple[Problem, ...]]:
    """Read the commits of a range ("HEAD~3..") in the git tree at cwd as the patches they would be sent as.

    Raises nothing: a range that git does not know is a Problem with git's first line.
    """
    if revisions.startswith("-") or "\0" in revisions:
        return (), (Problem(revisions, "is no revision range: it begins with '-'"),)
    command = [
        *GIT,
        "format-patch",
        "--stdout",
        "--no-ext-diff",
        "--no-textconv",
        "--full-index",
        "--numbered",
    ]
    command += ["--no-signature", "--src-prefix=a/", "--dst-prefix=b/", "--end-of-options", revisions, "--"]
    try:
        done = subprocess.run(command, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    except OSError as error:
        return (), (Problem(revisions, f"git cannot be run in {cwd}: {error.strerror}"),)
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().split("\n")[0]
        return (), (Problem(revisions, f"git cannot read this range: {said}"),)
    if not done.stdout.strip():
        return (), (Problem(revisions, "this range holds no commits (merges are left out)"),)
    return read_messages(done.stdout, revisions)
