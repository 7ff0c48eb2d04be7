"""The report on remarks of an older revision."""

from collections.abc import Mapping, Sequence

from patchscan.results import Answered

# What was left alone comes first: it may be what was overlooked.
STATES: Mapping[str, str] = {
    "unchanged": "the line is the same",
    "near": "the line is the same, lines next to it were changed",
    "unclear": "it could not be tied to a line",
    "changed": "the line was changed",
    "gone": "the series leaves that file alone now",
}


def remark_lines(remarks: Sequence[Answered]) -> list[str]:
    """A line a remark, open ones first: where, what became of the line, who, and the remark's beginning."""
    rows = []
    order = list(STATES)
    for remark in sorted(remarks, key=lambda each: order.index(each.state)):
        place = f"{remark.path}: {remark.quoted.strip()[:60]}" if remark.path else "no line"
        said = remark.text if len(remark.text) <= 120 else remark.text[:117].rstrip() + "..."
        name = remark.author.partition("<")[0].strip(' "') or remark.author
        rows.append(f"patch {remark.patch}, {place}: {STATES[remark.state]} ({name}: {said})")
    return rows
