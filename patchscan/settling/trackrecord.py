"""The record of rules: of the lines that a rule flagged in one revision, how many the next one changed.

It is counted from archives (`patchscan survey`), and means something only beside the baseline: some of all added lines
change anyway. A file of it has a row a rule and severity, tabs between its fields, the baseline in the row named "*".
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from patchscan.basics.files import MOST_OF_SETTINGS, Unreadable, read_file
from patchscan.basics.record import frozen, replace
from patchscan.basics.usage import UsageError
from patchscan.finding import Finding

SHIPPED = os.path.join(os.path.dirname(os.path.abspath(__file__)), "records.tsv")
COLUMNS = ("rule", "severity", "flagged", "changed", "unchanged", "remarked")
EVERY = "*"
# Fewer lines tell nothing of a rule.
LEAST = 5


@frozen
class TrackRecord:
    """What became of flagged lines: so many were changed, so many stayed, and the others went with their file.

    remarked: how many had a reviewer's remark within three lines.
    """

    flagged: int
    changed: int
    unchanged: int
    remarked: int

    @property
    def share(self) -> float | None:
        """The share of the lines still there that was changed, None where too few were flagged to say."""
        there = self.changed + self.unchanged
        return self.changed / there if there >= LEAST else None


Records = Mapping[tuple[str, str], TrackRecord]


@lru_cache(maxsize=4)
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
                f"(of all added lines {100 * every.share:.0f} %), {each.remarked} had a remark close by{few}"
            )
    return lines


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
