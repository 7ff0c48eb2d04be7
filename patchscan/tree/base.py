"""What a series says it is made on, and whether the tree at hand is that."""

from patchscan.basics.record import frozen
from patchscan.series import Series
from patchscan.tree import Tree, kernel_version


@frozen
class Base:
    """The base of a series against a tree.

    commit, prerequisites: as the series names them; verdict: "same", "different" or "unknown";
    text: one line for the report.
    """

    commit: str | None
    prerequisites: tuple[str, ...]
    verdict: str
    text: str


def describe_base(series: Series, tree: Tree | None) -> Base:
    """Compare the base-commit of a series with the commit of the tree, or say why that cannot be done."""
    verdict, text = _compare(series.base_commit, tree)
    if series.prerequisites:
        several = len(series.prerequisites) > 1
        noun = "prerequisite patches" if several else "prerequisite patch"
        text += f"; it also needs {len(series.prerequisites)} {noun}, which the tree may lack"
    return Base(series.base_commit, series.prerequisites, verdict, text)


def _compare(named: str | None, tree: Tree | None) -> tuple[str, str]:
    says = f"the series names base-commit {named[:12]}" if named else "the series names no base-commit"
    if tree is None:
        return "unknown", f"{says}; no tree given"
    here = f"the tree ({tree.name}) "
    if tree.commit is None:
        version = kernel_version(tree)
        here += f"states version {version}" if version else "states no version"
        return "unknown", f"{says}; {here} and has no git history, so this cannot be verified"
    if named is None:
        return "unknown", f"{says}; {here}is at {tree.commit[:12]}"
    if tree.commit.startswith(named.lower()):
        return "same", f"{says}; {here}is at it"
    return "different", f"{says}; {here}is at {tree.commit[:12]}"
