"""One scan job: the series that a command line names, each read, judged and rendered."""

from __future__ import annotations

import gc
from itertools import count

from patchscan.basics.usage import CLEAN, CRASHED, LEVELS, WORST_LAST, UsageError
from patchscan.commands.reading import each_thread, exit_status, read

# Not imported from typing, which takes a tenth of the time that `--help` has.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from collections import Counter
    from collections.abc import Iterator, Sequence

    from patchscan.commands.loading import Tools
    from patchscan.results import Report
    from patchscan.series import Series, Thread

    Documents = tuple[tuple[str, str], ...]
    # Columns, colour, and how much to say: as in patchscan.report.render.
    Style = tuple[int, bool, int]

PARTS_OF_ONE = (".patch", ".diff", ".eml")
# The series that this process has judged, and after how many all objects are looked at.
_judged = count()
_ALL_OF = 32


class Done:
    """What became of one series: its documents, the exit status it asks for, and its findings counted by rule.

    lost: one line on what was not judged of it, "" where all was.
    """

    def __init__(
        self, documents: Documents, status: int, counted: Counter[tuple[str, str]], lost: str = ""
    ) -> None:
        self.documents = documents
        self.status = status
        self.counted = counted
        self.lost = lost


def joined(done: Sequence[Done]) -> Done:
    """What became of the series of one input, as one."""
    from collections import Counter

    return Done(
        tuple(document for one in done for document in one.documents),
        max((one.status for one in done), key=WORST_LAST.index),
        sum((one.counted for one in done), Counter()),
        "".join(one.lost for one in done),
    )


def each_series(options: Namespace) -> list[list[str]]:
    """The inputs of the command line, as one list of words a series.

    Patch files are the parts of one series, unless --jobs asks for each on its own; other inputs are one each.
    """
    words: list[str] = options.series
    parts = "-" in words or all(word.endswith(PARTS_OF_ONE) for word in words)
    return [words] if parts and not options.jobs else [[word] for word in words]


def report_on(series: Sequence[str], options: Namespace, tools: Tools) -> Report:
    """Read a series and judge it; of an archive the thread that holds the highest complete revision of all."""
    return report_of(read(series, options.revision, options), options, tools)


def report_of(thread: Thread, options: Namespace, tools: Tools, read_in: float = 0.0) -> Report:
    """Judge the series of a thread; with --timings the report says what took how long, reading read_in seconds."""
    from time import perf_counter

    from patchscan.basics.record import replace
    from patchscan.commands.progress import watched

    start = perf_counter()
    if not options.timings:
        with watched(tools.rules, getattr(options, "jobs", 0) < 2) as rules:
            return in_order(tools.judge(thread, tools.tree, rules), options)
    from patchscan.commands.measure import timed

    seconds: dict[str, float] = {}
    report = tools.judge(thread, tools.tree, timed(tools.rules, seconds), fresh=True)
    stages = (("read", read_in), ("judge", perf_counter() - start))
    return replace(report, timings=(*stages, *sorted(seconds.items(), key=lambda each: -each[1])))


def in_order(report: Report, options: Namespace) -> Report:
    """The report with its findings by place, or the gravest first where --sort asks for that."""
    if getattr(options, "sort", "place") == "place":
        return report
    from patchscan.basics.record import replace

    gravest = sorted(report.findings, key=lambda each: -LEVELS.index(each.severity))
    return replace(report, findings=tuple(gravest))


def scan_in_turn(several: Sequence[Sequence[str]], options: Namespace, style: Style) -> Iterator[Done]:
    """What becomes of each series, in this process; of an archive one after the other, that none is held to its end."""
    from patchscan.commands.loading import load_tools

    tools = load_tools(options)
    for series in several:
        yield from rendered(series, options, style, tools)


def without_report(series: Sequence[str], why: str, status: int, options: Namespace, style: Style) -> Done:
    """What stands for the report on an input that could not be judged."""
    from collections import Counter

    from patchscan.basics.problem import Problem
    from patchscan.report.render import documents
    from patchscan.results import Report
    from patchscan.series import Thread

    report = Report(Thread((), (), ()), problems=(Problem(" ".join(series), why, lost=True),), ended=why)
    return Done(documents(report, options.format, *style), status, Counter(), report.judged.line)


def rendered(series: Sequence[str], options: Namespace, style: Style, tools: Tools) -> Iterator[Done]:
    """Judge an input and render the reports; of several one that makes us fail does not keep us from the others."""
    try:
        yield from judged(series, options, style, tools)
    except (UsageError, OSError):
        raise
    except Exception as error:
        if series == options.series:
            raise
        from patchscan.basics.foreign import in_words

        why = f"this is a fault of patchscan: {in_words(error)}; please report it"
        yield without_report(series, why, CRASHED, options, style)


def judged(series: Sequence[str], options: Namespace, style: Style, tools: Tools) -> Iterator[Done]:
    """Read an input and judge each series in it, an archive having several; what was lost is told of with the last."""
    from collections import Counter
    from itertools import chain, islice
    from time import perf_counter

    start = perf_counter()
    threads = iter(each_thread(series, options))
    first = list(islice(threads, 2))
    seconds = perf_counter() - start
    if len(first) > 1 and (options.fix_patch or options.fix or options.previous is not None):
        what = f"{' '.join(series)} holds several series"
        raise UsageError(f"{what}: --fix-patch, --fix and --previous take one; name it alone")
    lost: list[str] = []
    for thread in chain(first, threads):
        done = judged_thread(thread, options, style, tools, seconds)
        lost += [done.lost] if done.lost else []
        yield Done(done.documents, done.status, done.counted)
    more = f"; and so for {len(lost) - 1} more of its series" if len(lost) > 1 else ""
    yield Done((), CLEAN, Counter(), f"{lost[0]}{more}" if lost else "")


def judged_thread(thread: Thread, options: Namespace, style: Style, tools: Tools, seconds: float) -> Done:
    """Judge a series and render the report; --accept, --fix-patch, --fix and --models write their files first."""
    if number := next(_judged):
        # Series refer to themselves, and the collector looks rarely; what is older than the last mostly stays.
        gc.collect(1 if number % _ALL_OF else 2)
    from patchscan.commands.measure import count as counted_by_rule
    from patchscan.report.render import documents

    report = report_of(thread, options, tools, seconds)
    if options.previous is not None and report.series is not None:
        report = with_remarks(report, options)
    if options.fix_patch or options.fix:
        from patchscan.commands.fixing import fix_work_tree, write_patch

        report = write_patch(report, options) if options.fix_patch else report
        report = fix_work_tree(report, options) if options.fix else report
    if options.models:
        from patchscan.commands.output import write_tests

        report = write_tests(report, options)
    if options.accept:
        from patchscan.settling.baseline import accept

        report = accept(options.baseline or tools.config.baseline, report, options.accept)
    if options.diff:
        from patchscan.commands.fixing import as_diff

        text: Documents = (("fixes.diff", as_diff(report, options)),)
    else:
        text = documents(report, options.format, *style, options.severity)
    return Done(text, exit_status(report, options), counted_by_rule(report), report.judged.line)


def with_remarks(report: Report, options: Namespace) -> Report:
    """The report with what became of the review remarks on an older revision."""
    from patchscan.basics.record import replace
    from patchscan.settling.remarks import answers

    assert report.series is not None
    older = older_thread(report.thread, report.series, options)
    remarks = answers(older, report.series)
    problems = older.problems if options.previous else ()
    return replace(report, remarks=remarks, problems=report.problems + problems)


def older_thread(thread: Thread, newer: Series, options: Namespace) -> Thread:
    """The thread of the revision before: in what --previous names, else in the input, else in an inbox by its links.

    Raises UsageError where --previous names nothing and none is found.
    """
    from patchscan.settling.revisions import linked_mails, older_in

    if options.previous:
        return older_in(read([options.previous], None, options), newer)
    found = older_in(thread, newer)
    if found.series[0].revision < newer.revision:
        return found
    from patchscan.commands.naming import inboxes_for
    from patchscan.mail.inboxes import find_thread

    inboxes = inboxes_for(options)
    for name in linked_mails(newer):
        if find_thread(name, inboxes):
            older = older_in(read([name], None, options), newer)
            if older.series and older.series[0].revision < newer.revision:
                return older
    raise UsageError(
        "--previous: no older revision in the input or in an inbox it links to; name it: --previous OLDER"
    )
