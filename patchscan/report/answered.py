"""The report on remarks of an older revision."""

from collections.abc import Mapping, Sequence

from patchscan.finding import CHANGELOG
from patchscan.results import Answered, AnsweredState

STATES: Mapping[AnsweredState, str] = {
    "changed": "the line was changed",
    "gone": "the line is gone",
    "near": "the line is the same, others near it or of its function were changed",
    "announced": "the line is the same, the notes on this revision speak of it",
    "unclear": "not about a line",
    "unchanged": "the line is the same",
}
_MOST_TEXT = 120
_MOST_LINE = 60


def is_open(remark: Answered) -> bool:
    """Whether a remark was neither followed nor answered: what a reader looks for."""
    return remark.state == "unchanged" and remark.stance not in ("declined", "answered")


def remark_lines(remarks: Sequence[Answered]) -> list[str]:
    """A line a remark, open ones last: where, what became of the line, who, the remark's beginning and its answer."""
    order = list(STATES)
    ranked = sorted(remarks, key=lambda each: (is_open(each), order.index(each.state)))
    return [remark_line(each) for each in ranked]


def remark_line(remark: Answered) -> str:
    """One remark in a line."""
    path = "" if (remark.patch, remark.path) == (0, CHANGELOG) else remark.path
    quoted = cut(remark.quoted, _MOST_LINE)
    place = ", ".join(
        part for part in (f"patch {remark.patch}" if remark.patch else "cover letter", path) if part
    )
    name = remark.author.partition("<")[0].strip(' "') or remark.author
    after = " ".join(remark.after.split())
    lead = "in its place" if remark.state == "gone" else "now"
    now = f", {lead}: {cut(after, _MOST_LINE)}" if after and after != " ".join(remark.quoted.split()) else ""
    said = f"({name}: {cut(remark.text, _MOST_TEXT)})"
    parts = [f"{place}: {f'{quoted}: ' if quoted else ''}{STATES[remark.state]}{now} {said}"]
    if remark.announced:
        parts.append(f"announced: {cut(remark.announced, _MOST_TEXT)}")
    if remark.answer:
        parts.append(f"the author {remark.stance}: {cut(remark.answer, _MOST_TEXT)}")
    return "; ".join(parts)


def cut(text: str, most: int) -> str:
    """Text on one line, with dots in place of what is too much."""
    plain = " ".join(text.split())
    return plain if len(plain) <= most else plain[: most - 3].rstrip() + "..."
