"""A test for NIPA, the checks of the networking trees: the patch at HEAD of the tree we stand in.

Exit status 0 passes, 250 warns, anything else fails; the one-line description goes to the file descriptor that
DESC_FD names, the findings to standard output (NIPA, tests/patch/*/*.sh and core/test.py). BRANCH_BASE is the
commit below the series.
"""

import os
import sys
from collections.abc import Mapping

from patchscan.basics.record import replace
from patchscan.basics.streams import say
from patchscan.commands.loading import Tools
from patchscan.mail.gitrange import base_of, read_range
from patchscan.mail.thread import read_thread
from patchscan.report.patchwork import check
from patchscan.report.render import render
from patchscan.results import Report
from patchscan.series import Thread
from patchscan.tree import TreeError, open_tree
from patchscan.tree.around import series_around

STATUS = {"success": 0, "warning": 250, "fail": 1}


def test(tools: Tools, directory: str, environment: Mapping[str, str]) -> int:
    """Judge the patch at HEAD in its series, print the findings, describe them; returns the exit status."""
    report = report_on_head(tools, directory, environment)
    state, description = check(report)
    sys.stdout.write(render(report, "concise"))
    if report.series is None:
        say(f"patchscan: {description}")
    describe(description, environment.get("DESC_FD", ""))
    return STATUS[state]


def report_on_head(tools: Tools, directory: str, environment: Mapping[str, str]) -> Report:
    """The findings on the last patch of the series around HEAD, or on HEAD alone."""
    found = series_around(directory, environment) or head_alone(directory)
    if found is None:
        return Report(Thread((), (), ()))
    thread, base = found
    report = tools.judge(thread, open_tree(directory, base))
    last = thread.series[0].patches[-1].index if thread.series else 0
    return replace(report, findings=tuple(each for each in report.findings if each.patch == last))


def head_alone(directory: str) -> tuple[Thread, str] | None:
    """The commit at HEAD as a series of one, and the commit below it."""
    base = base_of("HEAD^..HEAD", directory)
    if base is None:
        return None
    try:
        open_tree(directory, base)
    except TreeError:
        return None
    return read_thread(*read_range("HEAD^..HEAD", directory)), base


def describe(text: str, descriptor: str) -> None:
    """Write the description to the descriptor that NIPA opened; nothing where there is none."""
    if descriptor.isdecimal():
        try:
            os.write(int(descriptor), f"{text}\n".encode())
        except OSError as error:
            sys.stderr.write(f"patchscan: DESC_FD={descriptor} cannot be written: {error.strerror}\n")
