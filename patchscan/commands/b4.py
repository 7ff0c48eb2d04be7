"""The two check protocols of b4: one patch on standard input, the series around it found in the git tree we stand in.

Line protocol (b4.prep-perpatch-check-cmd, b4.am-perpatch-check-cmd): every line on standard output is a finding, every
line on standard error a failure. JSON protocol (b4.review-perpatch-check-cmd, b4.review-series-check-cmd): an array.
"""

import json
import os

from patchscan.basics.orders import inert
from patchscan.basics.printable import printable
from patchscan.basics.record import replace
from patchscan.commands.loading import Tools
from patchscan.mail import read_messages
from patchscan.mail.subject import parse_subject
from patchscan.mail.thread import read_thread
from patchscan.report.one_line import b4 as check_lines
from patchscan.report.one_line import failing
from patchscan.report.patchwork import check
from patchscan.results import Report
from patchscan.tree import find_tree, open_tree
from patchscan.tree.around import series_around

STATUS = {"success": "pass", "warning": "warn", "fail": "fail"}


def lines(message: bytes, tools: Tools, directory: str) -> str:
    """The answer of the line protocol; "" where the patch is clean."""
    report = report_on(message, tools, directory)
    if report.series is None:
        return "".join(f"WARNING:patchscan: {printable(each.message)}\n" for each in report.problems)
    return inert("".join(f"{line}\n" for line in check_lines(report)))


def array(message: bytes, tools: Tools, directory: str, whole: bool = False) -> str:
    """The answer of the JSON protocol; an empty array where there is nothing to say.

    A cover letter is answered for its series, and so is any patch where the whole series is asked for. Of a cover
    letter whose series is not at hand nothing is said: its patches are answered for one by one.
    """
    report = report_on(message, tools, directory, whole)
    found = tuple(failing(report.findings))
    if not (found or report.judged.lost) or (report.series is None and not whole and is_letter(message)):
        return "[]\n"
    state, summary = check(report)
    details = "".join(f"{line}\n" for line in check_lines(report))
    answer = {"tool": "patchscan", "status": STATUS[state], "summary": summary, "url": "", "details": details}
    return json.dumps([answer], indent=2) + "\n"


def report_on(message: bytes, tools: Tools, directory: str, whole: bool = False) -> Report:
    """The findings on the patch in a message, judged in its series where the tree we stand in holds that."""
    messages, problems = read_messages(message, "standard input")
    thread = read_thread(messages, problems)
    patches = thread.series[0].patches if thread.series else ()
    whole = whole or (not patches and any(is_cover(each.subject) for each in messages))
    around = series_around(directory, os.environ) if patches or whole else None
    if around is not None:
        series, base = around
        same = [each.index for each in series.series[0].patches if patches and each.title == patches[0].title]
        if whole or len(same) == 1:
            report = tools.judge(series, open_tree(directory, base))
            wanted = (each for each in report.findings if whole or each.patch in same)
            return replace(report, findings=tuple(wanted))
    top = find_tree(directory) if patches else None
    return tools.judge(thread, open_tree(top) if top else None)


def is_letter(message: bytes) -> bool:
    """Whether a message is a cover letter and no more."""
    messages = read_messages(message, "standard input")[0]
    return bool(messages) and all(is_cover(each.subject) for each in messages)


def is_cover(subject: str) -> bool:
    """Whether a subject is that of a cover letter, "[PATCH 0/3] ..."."""
    parsed = parse_subject(subject)
    return parsed.numbered and parsed.index == 0
