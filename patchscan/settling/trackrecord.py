"""The record of rules: of the lines that a rule flagged, how many the next revision changed, how many were merged.

It is counted from archives (`patchscan survey`), and means something only beside the baseline: some of all added lines
change anyway. A file of it has a row a rule and severity, tabs between its fields, the baseline in the row named "*".
"""

import os
from collections.abc import Iterable, Mapping, Sequence

from patchscan.basics.fields import as_dict
from patchscan.basics.files import MOST_OF_SETTINGS, Unreadable, read_file
from patchscan.basics.record import frozen, replace
from patchscan.basics.usage import UsageError
from patchscan.finding import Finding

SHIPPED = os.path.join(os.path.dirname(os.path.abspath(__file__)), "records.tsv")
COLUMNS = ("rule", "severity", "flagged", "changed", "unchanged", "remarked", "merged", "unmerged")
EVERY = "*"
# Fewer lines tell nothing of a rule.
LEAST = 5


@frozen
class TrackRecord:
    """What became of flagged lines: so many were changed, so many stayed, and the others went with their file.

    flagged: in revisions that have a next one; remarked: how many of them had a reviewer's remark within three lines;
    merged, unmerged: of all flagged lines of series that a tree has taken, how many it has as they were, how many not.
    """

    flagged: int
    changed: int
    unchanged: int
    remarked: int
    merged: int = 0
    unmerged: int = 0

    @property
    def share(self) -> float | None:
        """The share of the lines still there that was changed, None where too few were flagged to say."""
        there = self.changed + self.unchanged
        return self.changed / there if there >= LEAST else None


Records = Mapping[tuple[str, str], TrackRecord]


def read_records(path: str = SHIPPED) -> Records:
    """(rule, severity) -> its record. Raises UsageError for a file that is none."""
    try:
        lines = read_file(path, MOST_OF_SETTINGS).decode("utf-8", "replace").splitlines()
        if tuple(lines[0].split("\t")) != COLUMNS:
            raise ValueError
        rows = [line.split("\t") for line in lines[1:]]
        return {(rule, severity): TrackRecord(*map(int, numbers)) for rule, severity, *numbers in rows}
    except Unreadable as error:
        raise UsageError(f"{path}: {error}") from None
    except (ValueError, TypeError, IndexError):
        raise UsageError(f"{path}: no file of records: `patchscan survey record` writes one") from None


def written(rows: Iterable[Sequence[object]]) -> str:
    """The text of a file of records; rows: fields in the order of COLUMNS."""
    return "".join("\t".join(map(str, row)) + "\n" for row in (COLUMNS, *rows))


def sentences(rule: str, records: Records) -> list[str]:
    """The record of a rule in words, a line a severity; none where no line of it was seen."""
    every = records.get((EVERY, ""))
    if every is None or every.share is None:
        return []
    lines = []
    for (name, severity), each in sorted(records.items()):
        if name == rule:
            there = each.changed + each.unchanged
            few = "" if each.share is not None else "; too few to say more"
            lines.append(
                f"{severity}: {each.changed} of {there} flagged lines were changed in the next revision "
                f"(of all added lines {100 * every.share:.0f} %), {each.remarked} had a remark close by"
                f"{as_merged(each, every)}{few}"
            )
    return lines


def as_merged(record: TrackRecord, every: TrackRecord) -> str:
    """How many flagged lines were merged as they were, "" where of none it is known whether they were."""
    taken, all_taken = record.merged + record.unmerged, every.merged + every.unmerged
    if not taken or not all_taken:
        return ""
    share = f"of all added lines {100 * every.merged / all_taken:.0f} %"
    return f", {record.merged} of {taken} were merged unchanged ({share})"


def of_rule(rule: str, severity: str, records: Records) -> dict[str, int] | None:
    """The record of a rule as plain data, None where no line of it was seen."""
    known = records.get((rule, severity))
    return as_dict(known) if known is not None else None


def below(finding: Finding, least: float, records: Records) -> str:
    """Why a finding is set aside for its rule's record, "" where it is not: also where too little is known of it."""
    known = records.get((finding.rule, finding.severity))
    if known is None or known.share is None or known.share >= least:
        return ""
    return f"its rule's record is {100 * known.share:.0f} %, less than {100 * least:g} % (--min-record)"


def with_least(findings: Iterable[Finding], least: float, records: Records) -> tuple[Finding, ...]:
    """The findings, those set aside whose rule has a record below the share asked for."""
    return tuple(
        replace(each, suppressed=why)
        if each.suppressed is None and (why := below(each, least, records))
        else each
        for each in findings
    )
