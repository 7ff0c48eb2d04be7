"""Mechanical fixes where they are wanted: as one patch, as a diff in place of the report, or in the work tree."""

from __future__ import annotations

import os

from patchscan.basics.streams import say
from patchscan.basics.usage import UsageError, working_directory

# Not imported from typing, which takes a tenth of the time that `--help` has.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

    from patchscan.finding import Finding
    from patchscan.results import Report
    from patchscan.series import FileChange


def is_safe(finding: Finding) -> bool:
    """Whether a fix may be made unseen: its finding is certain."""
    return finding.confidence == "high"


def chosen(report: Report, unsafe: bool) -> tuple[Report, int]:
    """(the report with the fixes that may be made, how many were left out as unsafe)."""
    from patchscan.basics.record import replace

    left = [each for each in report.findings if each.fix and each.stands and not is_safe(each)]
    if unsafe or not left:
        return report, 0
    kept = tuple(replace(each, fix=None) if each in left else each for each in report.findings)
    return replace(report, findings=kept), len(left)


def write_patch(report: Report, options: Namespace) -> Report:
    """Write all fixes as one patch (--fix-patch); the report says what could not go into it."""
    from patchscan.basics.record import replace
    from patchscan.commands.output import inputs_of, write_output
    from patchscan.settling.fixes import fix_patch

    text, problems = fix_patch(report)
    write_output(options.fix_patch, (text,), inputs_of(options))
    return replace(report, problems=report.problems + problems)


def as_diff(report: Report, options: Namespace) -> str:
    """The fixes as one diff on top of the series (--diff), each told as safe or not above it."""
    from patchscan.basics.printable import printable
    from patchscan.settling.fixes import fix_patch

    wanted, left = chosen(report, options.unsafe_fixes)
    text, problems = fix_patch(wanted)
    lines = [
        f"{each.path}:{each.line}: {each.rule} ({'safe' if is_safe(each) else 'unsafe: needs a look'})"
        for each in wanted.findings
        if each.fix and each.stands
    ]
    lines += [f"{each.where}: left out: {each.message}" for each in problems]
    lines += [f"{left} more are not certain: --unsafe-fixes shows them"] if left else []
    start = text.find("--- a/")
    return "".join(f"{printable(line)}\n" for line in lines) + (text[start:] if start >= 0 else "")


def fix_work_tree(report: Report, options: Namespace) -> Report:
    """Make the fixes in the files of the work tree (--fix), which must be as the series leaves them.

    Raises UsageError where there is no work tree.
    """
    from patchscan.basics.problem import Problem
    from patchscan.basics.record import replace
    from patchscan.diff.read import read_diff
    from patchscan.settling.fixes import fix_patch
    from patchscan.tree import find_tree

    top = options.tree or find_tree(working_directory())
    if not top:
        raise UsageError("--fix writes to a kernel tree: name it with --tree")
    wanted, left = chosen(report, options.unsafe_fixes)
    text, problems = fix_patch(wanted)
    written, refused = 0, list(problems)
    for change in read_diff(text.split("\n"), "the fixes")[0]:
        why = fix_file(top, change, report)
        if why:
            refused.append(Problem(change.path, f"not fixed: {why}"))
        else:
            written += 1
    more = f"; {left} more fixes are not certain: --unsafe-fixes makes them, too" if left else ""
    say(f"patchscan: fixed {written} file{'s' * (written != 1)} below {top}{more}")
    return replace(report, problems=report.problems + tuple(refused))


def fix_file(top: str, change: FileChange, report: Report) -> str:
    """Change one file of the work tree; returns why that is not done, "" where it is."""
    from patchscan.diff.apply import HunkFailure, apply_hunks
    from patchscan.tree import read_regular

    path = os.path.join(top, change.path)
    if os.path.islink(path) or not is_below(path, top):
        return "it is a link, or lies outside the tree"
    try:
        content = read_regular(path)
        if content is None or not report.states or content != report.states[-1].view.read(change.path):
            return "the work tree does not hold it as the series leaves it"
        fixed = apply_hunks(content, change.hunks).content
        replace_file(path, fixed)
    except (OSError, HunkFailure) as error:
        return str(getattr(error, "strerror", None) or error)
    return ""


def replace_file(path: str, content: bytes) -> None:
    """Give a file another content at once, or leave it as it is. Raises OSError."""
    beside = f"{path}.patchscan"
    with open(beside, "xb") as file:
        try:
            file.write(content)
            file.flush()
            os.chmod(beside, os.stat(path).st_mode & 0o7777)
            os.replace(beside, path)
        except OSError:
            os.unlink(beside)
            raise


def is_below(path: str, top: str) -> bool:
    """Whether a file lies in a directory, links followed."""
    above = os.path.realpath(top)
    return os.path.commonpath((os.path.realpath(path), above)) == above
