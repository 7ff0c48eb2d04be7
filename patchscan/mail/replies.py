"""Review mails to replies: remarks with the lines they speak of, and trailers given."""

import re
from collections.abc import Sequence

from patchscan.basics.pattern import pattern
from patchscan.mail import Message
from patchscan.mail.body import FOOTER, in_body_headers
from patchscan.series import Remark, Reply, Trailer

_QUOTE = pattern(r">[ ]?")
# "X wrote:" in some tongues; in any other it ends in a colon and has a year in it.
_WROTE = (
    r"wrote|writes|said|schrieb|a écrit|escribió|escreveu|ha scritto|skrev|pisze|napsal\(?a?\)?|пишет"
    r"|写道|寫道|作成|さん"
)
_ATTRIBUTION = pattern(
    rf"(?:{_WROTE})\s*[::]\s*$|\b(?:19|20)[0-9][0-9]\b.*[0-9]{{1,2}}[:.][0-9]{{2}}\b.*\w.*[::]\s*$"
)
_ATTRIBUTION_START = pattern(r"(?:On|Am|Le|At) .*[0-9]")
_GIVEN = pattern(r"([A-Za-z][A-Za-z-]*-by|Fixes|Closes|Link)[ \t]*:[ \t]*(\S.*)", re.I)

# A quotation cut short, as in "[ ... ]" or "<snip>".
_CUT = pattern(r"\s*(?:\[\s*(?:\.{2,}|…|snip)\s*\]|<snip>)\s*", re.I)


def read_reply(message: Message) -> Reply:
    """Read a mail that answers. Trailers count unquoted at column 0; line: that in the body, from 1."""
    lines = message.body.split("\n")
    signature = _signature(lines)
    headers, start = in_body_headers(lines)
    if start < len(lines) and lines[start].strip():
        headers, start = (
            {},
            0,
        )  # no headers of git's: the head of a mail that some mailers put above what they quote
    return Reply(
        message_id=message.message_id,
        parent=message.parent,
        subject=message.subject,
        author=headers.get("from", message.author),
        date=message.date,
        remarks=_remarks(lines[start:signature]),
        trailers=tuple(
            Trailer(found[1], found[2].strip(), number)
            for number, line in enumerate(lines[:signature], 1)
            if (found := _GIVEN.fullmatch(line))
        ),
    )


def _remarks(lines: Sequence[str]) -> tuple[Remark, ...]:
    remarks: list[Remark] = []
    quoted: list[str] = []
    text: list[str] = []
    for line in lines:
        if line.startswith(">"):
            if _said(text):
                remarks.append(Remark(tuple(quoted), _said(text)))
                quoted = []
            text = []
            quoted.append(_QUOTE.sub("", line, count=1))
        else:
            text.append(line)
    if _said(text):
        remarks.append(Remark(tuple(quoted), _said(text)))
    return tuple(remarks)


def _said(lines: Sequence[str]) -> tuple[str, ...]:
    """A reviewer's lines without empty ones at the ends, marks of what was cut and "On Monday, X wrote:"."""
    kept = [line for line in lines if not _CUT.fullmatch(line)]
    while kept and not kept[-1].strip():
        kept.pop()
    if kept and _ATTRIBUTION.search(kept[-1]):
        two_lines = (
            len(kept) > 1 and _ATTRIBUTION_START.match(kept[-2]) and not _ATTRIBUTION_START.match(kept[-1])
        )
        del kept[-2 if two_lines else -1 :]
    while kept and not kept[-1].strip():
        kept.pop()
    while kept and not kept[0].strip():
        kept.pop(0)
    return tuple(kept)


def _signature(lines: Sequence[str]) -> int:
    """The index of the line that sets off a signature or a list's footer, or the number of lines."""
    ends = (at for at, line in enumerate(lines) if line == "-- " or FOOTER.fullmatch(line))
    return next(ends, len(lines))
