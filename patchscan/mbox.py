"""Bytes of a mailbox to the bytes of its mails.

Python's mailbox module is not used: it finds nothing in a mail that has no "From " line, splits at every
unescaped "From " of a body, and leaves the ">From " of mboxrd as it is.
"""

import re

# A separator ends in a date as asctime() writes it, give or take a zone; git's has a commit for a name.
_SEPARATOR = re.compile(
    rb"^From [^\n]*\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),? [^\n]*[0-9]{1,2}:[0-9]{2}[^\n]*[0-9]{4}[^\n]*\n", re.M
)
_GIT_SEPARATOR = re.compile(rb"From (?:[0-9a-f]{40,64} Mon Sep 17 00:00:00 2001|git@z )")
_HEADER = re.compile(rb">?[!-9;-~]+:|>?From ")
_ESCAPED = re.compile(rb"^>(>*From )", re.M)
_END_OF_HEADERS = re.compile(rb"\r?\n\r?\n")


def split_mbox(data: bytes) -> list[bytes]:
    """Cut a mailbox into its mails, each without its "From " line and with ">From " restored in its body.

    Reads mboxrd, mboxo, what git format-patch and b4 write, and one mail or patch without a separator
    (the whole of data). A separator stands at the start or after an empty line and before a header;
    git's own may follow any line, since patches get concatenated. Raises nothing; no data, no mails.
    """
    separators = [found for found in _SEPARATOR.finditer(data) if _separates(data, found)]
    if not separators:
        return [data] if data.strip() else []
    mails = []
    lead = data[: separators[0].start()]
    if lead.strip():
        mails.append(lead)
    ends = [found.start() for found in separators[1:]] + [len(data)]
    for found, end in zip(separators, ends, strict=True):
        mails.append(_without_escapes(found.group(), _without_last_empty_line(data[found.end() : end])))
    return mails


def _separates(data: bytes, found: re.Match[bytes]) -> bool:
    start = found.start()
    if start == 0:
        return True
    if not _HEADER.match(data, found.end()):
        return False
    return data[:start].endswith((b"\n\n", b"\n\r\n")) or bool(_GIT_SEPARATOR.match(found.group()))


def _without_last_empty_line(mail: bytes) -> bytes:
    """Take off the one empty line that stands between two mails and belongs to neither."""
    for newline in (b"\r\n", b"\n"):
        if mail.endswith(b"\n" + newline):
            return mail[: -len(newline)]
    return mail


def _without_escapes(separator: bytes, mail: bytes) -> bytes:
    """Undo mboxrd's ">From ", which git and b4's mailboxes for git am do not write.

    A line of a hunk begins with a space, "+" or "-" and is never touched.
    """
    if _GIT_SEPARATOR.match(separator):
        return mail
    headers_end = _END_OF_HEADERS.search(mail)
    if not headers_end:
        return mail
    return mail[: headers_end.end()] + _ESCAPED.sub(rb"\1", mail[headers_end.end() :])
