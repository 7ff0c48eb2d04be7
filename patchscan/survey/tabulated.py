"""The rows of a work: one a revision, and one a finding with what became of its line."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from patchscan.basics.printable import printable
from patchscan.finding import CHANGELOG
from patchscan.results import Report
from patchscan.series import Series, Thread
from patchscan.survey.archives import Work, year
from patchscan.survey.became import Place, added, fates, is_near, remarked
from patchscan.survey.merged import standing, trees_with
from patchscan.tree import Tree
from patchscan.tree.overlay import lay

Row = dict[str, Any]
Judge = Callable[[Thread, Tree | None], Report]


def rows_of(work: Work, judge: Judge, trees: Mapping[str, Tree]) -> tuple[list[Row], list[Row]]:
    """(a row a revision, a row a finding) of a work, each revision judged on the tree that it fits best.

    trees: release -> tree. The same work gives the same rows wherever it is judged.
    """
    takers = trees_with(work.revisions[-1], trees)
    series_rows: list[Row] = []
    finding_rows: list[Row] = []
    for number, series in enumerate(work.revisions):
        newer = work.revisions[number + 1] if number + 1 < len(work.revisions) else None
        release = best_release(series, trees)
        report = judge(Thread((series,), (), ()), trees.get(release))
        fate = fates(series, newer) if newer is not None else added(series)
        spoken = remarked(series, work.replies)
        merged: set[Place] = set().union(*(standing(series, tree) for tree in takers))
        common = common_row(work, series, release)
        states = list(fate.values())
        series_rows.append(
            {
                **common,
                "title": shown(series.title),
                "patches": len(series.patches),
                "last": newer is None,
                "fit": report.fit.verdict,
                "judged": report.judged.word,
                "lost": shown(report.judged.line),
                "added": len(states),
                "changed": states.count("changed"),
                "unchanged": states.count("unchanged"),
                "remarked": sum(is_near(place, spoken) for place in fate),
                "merged": sum(place in merged for place in fate) if takers else 0,
                "unmerged": sum(place not in merged for place in fate) if takers else 0,
            }
        )
        for finding in report.findings:
            place = finding.patch, finding.path, finding.line
            finding_rows.append(
                {
                    **common,
                    "rule": finding.rule,
                    "severity": finding.severity,
                    "confidence": finding.confidence,
                    "patch": finding.patch,
                    "path": "" if finding.path == CHANGELOG else shown(finding.path),
                    "line": finding.line,
                    "message": shown(finding.message),
                    "fingerprint": finding.fingerprint,
                    "counts": finding.counts,
                    "suppressed": shown(finding.suppressed or ""),
                    "became": fate.get(place, ""),
                    "remarked": is_near(place, spoken),
                    "merged": place in merged if takers and place in fate else None,
                }
            )
    return series_rows, finding_rows


def common_row(work: Work, series: Series, release: str) -> Row:
    """What both kinds of rows tell of a revision."""
    return {
        "list": shown(work.archive),
        "work": shown(work.name),
        "message_id": shown(series.message_id),
        "year": year(series),
        "revision": series.revision,
        "release": release,
    }


def lost_row(work: Work, series: Series, why: str) -> Row:
    """The row of a revision that could not be judged."""
    return {
        **common_row(work, series, ""),
        "title": shown(series.title),
        "patches": len(series.patches),
        "last": series is work.revisions[-1],
        "fit": "",
        "judged": "partly",
        "lost": shown(why),
        "added": 0,
        "changed": 0,
        "unchanged": 0,
        "remarked": 0,
        "merged": 0,
        "unmerged": 0,
    }


def best_release(series: Series, trees: Mapping[str, Tree]) -> str:
    """The release whose tree most files of a series apply to, the latest of several; "" where there is no tree."""

    def misfits(release: str) -> int:
        return sum(
            (file.used == "hunk") * 1000 + sum(map(bool, file.offsets))
            for state in lay(series, trees[release])
            for file in state.files
        )

    latest_first = sorted(trees, key=version, reverse=True)
    if len(latest_first) < 2:
        return latest_first[0] if latest_first else ""
    return min(latest_first, key=misfits)


def version(release: str) -> tuple[Sequence[int], str]:
    """What sorts releases: 6.12 comes after 6.9."""
    return [int(part) for part in release.removeprefix("v").split(".") if part.isdigit()], release


def shown(text: str) -> str:
    """What a mail wrote, harmless wherever it is shown."""
    return printable(" ".join(text.split()))
