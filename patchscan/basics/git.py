"""The one road to git: read-only, with everything switched off by which a repository could run a program."""

import os
from collections.abc import Sequence

from patchscan.basics.pattern import pattern

# A repository's own configuration may name programs; these settings win over it.
_SAFE_SETTINGS = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.pager=cat",
    "core.sshCommand=false",
    "core.alternateRefsCommand=true",
    "credential.helper=",
    "diff.external=",
    "log.showSignature=false",
    "protocol.allow=never",
    "submodule.recurse=false",
)
# What a user may have set to their own liking; a range must read the same for everybody.
_PLAIN_SETTINGS = (
    "color.ui=false",
    "core.abbrev=12",
    "core.attributesFile=/dev/null",
    "core.quotePath=true",
    "diff.algorithm=myers",
    "diff.colorMoved=no",
    "diff.context=3",
    "diff.dirstat=",
    "diff.ignoreSubmodules=none",
    "diff.indentHeuristic=true",
    "diff.interHunkContext=0",
    "diff.mnemonicPrefix=false",
    "diff.noprefix=false",
    "diff.relative=false",
    "diff.renameLimit=1000",
    "diff.renames=true",
    "diff.statGraphWidth=0",
    "diff.submodule=short",
    "diff.suppressBlankEmpty=false",
    "diff.wordRegex=",
    "diff.wsErrorHighlight=none",
    "format.encodeEmailHeaders=true",
    "format.forceInBodyFrom=false",
    "format.mboxrd=false",
    "format.noprefix=false",
    "format.pretty=medium",
    "format.signOff=false",
    "format.useAutoBase=false",
    "i18n.commitEncoding=UTF-8",
    "i18n.logOutputEncoding=UTF-8",
    "log.date=default",
    "log.decorate=no",
    "log.follow=false",
    "log.mailmap=false",
    "log.showRoot=true",
)
_UNWANTED_VARIABLES = (
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_ATTR_SOURCE",
    "GIT_COMMON_DIR",
    "GIT_CONFIG_COUNT",
    "GIT_CONFIG_PARAMETERS",
    "GIT_DIFF_OPTS",
    "GIT_DIR",
    "GIT_EXTERNAL_DIFF",
    "GIT_GLOB_PATHSPECS",
    "GIT_ICASE_PATHSPECS",
    "GIT_INDEX_FILE",
    "GIT_NAMESPACE",
    "GIT_NOGLOB_PATHSPECS",
    "GIT_NOTES_DISPLAY_REF",
    "GIT_NOTES_REF",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_TRACE",
    "GIT_TRACE_SETUP",
    "GIT_WORK_TREE",
)
_COMMIT_NAME = pattern(r"[0-9a-fA-F]{7,40}")


class GitError(Exception):
    """git is not there, or refused; the text is one line."""


def git_command(directory: str, arguments: Sequence[str]) -> list[str]:
    """The full argument list for git in a directory (of a work tree or a bare repository)."""
    settings = [word for setting in (*_SAFE_SETTINGS, *_PLAIN_SETTINGS) for word in ("-c", setting)]
    return ["git", "--no-pager", "--literal-pathspecs", "-C", directory, *settings, *arguments]


def git_environment() -> dict[str, str]:
    """The environment for git: no prompt, no network, no lock taken, English messages."""
    environment = {name: value for name, value in os.environ.items() if name not in _UNWANTED_VARIABLES}
    environment.update(
        GIT_ALLOW_PROTOCOL="",
        GIT_NO_LAZY_FETCH="1",
        GIT_OPTIONAL_LOCKS="0",
        GIT_TERMINAL_PROMPT="0",
        LC_ALL="C",
    )
    return environment


def run_git(directory: str, *arguments: str) -> bytes:
    """What git prints. Raises GitError with git's first line where it fails or is not installed."""
    import subprocess

    try:
        done = subprocess.run(
            git_command(directory, arguments),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=git_environment(),
            check=False,
        )
    except (OSError, ValueError) as error:
        raise GitError(f"git cannot be run: {error}") from error
    if done.returncode:
        lines = done.stderr.decode("utf-8", "replace").splitlines() or [f"exit status {done.returncode}"]
        raise GitError(lines[0].removeprefix("fatal: "))
    return done.stdout


def commit_of(directory: str, revision: str) -> str:
    """The full commit name of a revision. Raises GitError (also for one that looks like an option)."""
    if revision.startswith("-") or not revision or "\0" in revision:
        raise GitError(f"{revision!r} is no revision")
    try:
        return (
            run_git(directory, "rev-parse", "--verify", "--quiet", "--end-of-options", revision + "^{commit}")
            .decode()
            .strip()
        )
    except GitError as error:
        reason = str(error)
        if reason == "exit status 1":
            reason = f"no commit {revision!r} in this repository"
        raise GitError(reason) from error


def subject_of(directory: str, commit: str) -> str | None:
    """The subject of a commit given by (the first digits of) its name, None where it is not there."""
    if not _COMMIT_NAME.fullmatch(commit):
        return None
    try:
        shown = run_git(directory, "log", "-1", "--format=%s", "--end-of-options", commit + "^{commit}", "--")
    except GitError:
        return None
    return shown.decode("utf-8", "surrogateescape").strip() or None
