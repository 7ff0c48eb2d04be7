"""Bytes of a mailbox to the bytes of its mails.

Python's mailbox module is not used: it finds nothing in a mail that has no "From " line, splits at every
unescaped "From " of a body, and leaves the ">From " of mboxrd as it is.
"""

import re

from patchscan.basics.pattern import pattern

_FROM_LINE = pattern(rb"^From [^\n]{1,200}\n", re.M)
# A separator ends in a date as asctime() writes it, give or take a zone.
_DATE = pattern(rb"\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),? .*[0-9]{1,2}:[0-9]{2}.*[0-9]{4}")
# What git format-patch, b4 and public-inbox write.
_CERTAIN = pattern(
    rb"From (?:[0-9a-f]{40,64} Mon Sep 17 00:00:00 2001|(?:git|mboxrd)@z Thu Jan  1 00:00:00 1970)"
)
_MULTIPART = pattern(rb"^content-type:\s*multipart/", re.I | re.M)
_HEADER = pattern(rb">?[!-9;-~]+:|>?From ")
_ESCAPED = pattern(rb"^>(>*From )", re.M)
_BEFORE_FIRST = pattern(rb"\A(?:\xef\xbb\xbf)?[\r\n]*")
_END_OF_HEADERS = pattern(rb"\r?\n\r?\n")


def split_mbox(data: bytes) -> list[bytes]:
    """Cut a mailbox into its mails, each without its "From " line and with ">From " restored in its body.

    Reads mboxrd, mboxo, what git format-patch and b4 write, and one mail or patch without a separator
    (the whole of data). A separator stands at the start or after an empty line and before a header;
    git's and public-inbox's may follow any line, since files get concatenated. Raises nothing.
    """
    data = _BEFORE_FIRST.sub(b"", data, count=1)
    separators = [found for found in _FROM_LINE.finditer(data) if _separates(data, found)]
    lead = data[: separators[0].start()] if separators else data
    if lead.strip() and (not separators or _MULTIPART.search(_headers(lead))):
        return [data]  # one mail; a "From " line in its parts belongs to what is attached
    mails = [lead] if lead.strip() else []
    ends = [found.start() for found in separators[1:]] + [len(data)] * bool(separators)
    for found, end in zip(separators, ends, strict=True):
        mails.append(_without_escapes(_without_last_empty_line(data[found.end() : end])))
    return mails


def _separates(data: bytes, found: re.Match[bytes]) -> bool:
    start = found.start()
    if not _DATE.search(found.group()):
        return False
    if start == 0:
        return True
    after_empty_line = data.endswith((b"\n\n", b"\n\r\n"), 0, start)
    if not after_empty_line and not _CERTAIN.match(found.group()):
        return False
    return bool(_HEADER.match(data, found.end()))


def _headers(mail: bytes) -> bytes:
    end = _END_OF_HEADERS.search(mail)
    return mail[: end.start()] if end else mail


def _without_last_empty_line(mail: bytes) -> bytes:
    """Take off the one empty line that stands between two mails and belongs to neither."""
    for newline in (b"\r\n", b"\n"):
        if mail.endswith(b"\n" + newline):
            return mail[: -len(newline)]
    return mail


def _without_escapes(mail: bytes) -> bytes:
    """Undo mboxrd's ">From " in the body: a line of a hunk begins with a space, "+" or "-" and is never touched.

    git escapes only when asked (--pretty=mboxrd), and a mailbox does not tell; a changelog that means ">From "
    is the rarer case.
    """
    headers = _headers(mail)
    return headers + _ESCAPED.sub(rb"\1", mail[len(headers) :])
