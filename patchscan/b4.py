"""The two check protocols of b4: one patch on standard input, the series around it found in the git tree we stand in.

Line protocol (b4.prep-perpatch-check-cmd, b4.am-perpatch-check-cmd): every line on standard output is a finding, every
line on standard error a failure. JSON protocol (b4.review-perpatch-check-cmd, b4.review-series-check-cmd): an array.
"""

import json
from dataclasses import replace

from patchscan.git import GitError, run_git
from patchscan.gitrange import base_of, read_range
from patchscan.mail import read_messages
from patchscan.printable import printable
from patchscan.report import Report
from patchscan.report.lines import b4 as check_lines
from patchscan.report.lines import failing
from patchscan.report.patchwork import check
from patchscan.series import Patch, Thread, read_thread
from patchscan.tools import Tools
from patchscan.tree import TreeError, find_tree, open_tree

# The commit in which `b4 prep` keeps the cover letter; the series follows it.
COVER_MARK = "--- b4-submit-tracking ---"
STATUS = {"success": "pass", "warning": "warn", "fail": "fail"}


def lines(message: bytes, tools: Tools, directory: str) -> str:
    """The answer of the line protocol; "" where the patch is clean."""
    report = report_on(message, tools, directory)
    if report.series is None:
        return "".join(f"WARNING:patchscan: {printable(each.message)}\n" for each in report.problems)
    return "".join(f"{line}\n" for line in check_lines(report))


def array(message: bytes, tools: Tools, directory: str) -> str:
    """The answer of the JSON protocol; an empty array where there is nothing to say."""
    report = report_on(message, tools, directory)
    found = tuple(failing(report.findings))
    if report.series is None or not found:
        return "[]\n"
    state, summary = check(report)
    details = "".join(f"{line}\n" for line in check_lines(report))
    answer = {"tool": "patchscan", "status": STATUS[state], "summary": summary, "url": "", "details": details}
    return json.dumps([answer], indent=2) + "\n"


def report_on(message: bytes, tools: Tools, directory: str) -> Report:
    """The findings on the patch in a message, judged in its series where the tree we stand in holds that."""
    messages, problems = read_messages(message, "standard input")
    thread = read_thread(messages, problems)
    if not thread.series or not thread.series[0].patches:
        return tools.judge(thread, None)
    patch = thread.series[0].patches[0]
    around = series_around(patch, directory)
    if around is not None:
        whole, base, index = around
        report = tools.judge(whole, open_tree(directory, base))
        return replace(report, findings=tuple(each for each in report.findings if each.patch == index))
    top = find_tree(directory)
    return tools.judge(thread, open_tree(top) if top else None)


def series_around(patch: Patch, directory: str) -> tuple[Thread, str, int] | None:
    """(the series in the tree, the commit it stands on, the patch's number in it); None where it is not there."""
    start = series_start(directory)
    if start is None:
        return None
    thread = read_thread(*read_range(f"{start}..HEAD", directory))
    base = base_of(f"{start}..HEAD", directory)
    if not thread.series or base is None:
        return None
    same = [each.index for each in thread.series[0].patches if each.title == patch.title]
    try:
        open_tree(directory, base)
    except TreeError:
        return None
    return (thread, base, same[0]) if len(same) == 1 else None


def series_start(directory: str) -> str | None:
    """The commit that the series of the current branch follows: b4's cover letter, else the upstream branch."""
    try:
        search = ("log", "-1", "--format=%H", "--fixed-strings", f"--grep={COVER_MARK}", "HEAD", "--")
        cover = run_git(directory, *search).decode().strip()
        return cover or run_git(directory, "merge-base", "HEAD", "@{upstream}").decode().strip()
    except GitError:
        return None
