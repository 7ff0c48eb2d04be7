"""The base of a series in a git tree: found in its history, not asked for."""

from collections.abc import Iterator

from patchscan.basics.git import GitError, commit_of, run_git
from patchscan.series import Series
from patchscan.tree import Directory, GitRevision, Tree, TreeError
from patchscan.tree.overlay import lay

# How far below HEAD a series is looked for.
_MOST_COMMITS = 300


def base_tree(series: Series, tree: Tree | None) -> Tree | None:
    """The tree to judge a series on: the directory itself, or the commit of its history that is the base.

    That is the one below the series where HEAD holds it, the one that the series names, or HEAD; the first on
    which every hunk applies in its place. A revision that was asked for stays as it is.
    """
    if not isinstance(tree, Directory) or tree.commit is None or fits_here(series, tree):
        return tree
    for commit in dict.fromkeys(candidates(series, tree)):
        try:
            revision = GitRevision(tree.root, commit)
        except TreeError:
            continue
        revision.name = f"{tree.name} at {commit[:12]}"
        if fits_in_place(series, revision):
            return revision
    return tree


def fits_here(series: Series, tree: Directory) -> bool:
    """Whether HEAD is the base: the series names it, or no other commit, and every hunk applies in its place."""
    named = (series.base_commit or "").lower()
    if named and not series.prerequisites and not (tree.commit or "").startswith(named):
        return False
    return fits_in_place(series, tree)


def fits_in_place(series: Series, tree: Tree) -> bool:
    """Whether every hunk of a series applies to a tree in its place."""
    return all(
        file.used != "hunk" and not any(file.offsets) and not file.why
        for state in lay(series, tree)
        for file in state.files
        if file.used != "text"
    )


def candidates(series: Series, tree: Directory) -> Iterator[str]:
    """The commits that may be the base, the surest first."""
    below = below_series(series, tree)
    if below:
        yield below
    if series.base_commit and tree.subject(series.base_commit) is not None:
        try:
            yield commit_of(tree.root, series.base_commit)
        except GitError:
            return


def below_series(series: Series, tree: Directory) -> str | None:
    """The commit on which the first patch stands where the history of HEAD holds all patches by their titles."""
    try:
        log = run_git(tree.root, "log", f"-{_MOST_COMMITS}", "--no-merges", "--format=%H %s", "HEAD", "--")
    except GitError:
        return None
    titles = [patch.title for patch in reversed(series.patches)]
    first = ""
    for line in log.decode("utf-8", "surrogateescape").split("\n"):
        commit, _, subject = line.partition(" ")
        if titles and subject == titles[0]:
            first = commit
            titles.pop(0)
    try:
        return commit_of(tree.root, f"{first}^") if first and not titles else None
    except GitError:
        return None
