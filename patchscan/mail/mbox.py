"""Bytes of a mailbox to the bytes of its mails.

Python's mailbox module is not used: it finds nothing in a mail that has no "From " line, splits at every
unescaped "From " of a body, and leaves the ">From " of mboxrd as it is.
"""

import re
from array import array
from collections.abc import Callable, Iterator

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
# A large mailbox is looked through in pieces, with what decides on a line at a piece's end, and at its start.
_PIECE, _AHEAD, _BACK = 4 << 20, 64 << 10, 3
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


class Mbox:
    """A mailbox too large to hold at once: where its mails stand, and each of them.

    read: the bytes from one offset up to another; size: how many there are.
    """

    def __init__(self, read: Callable[[int, int], bytes], size: int) -> None:
        self._read = read
        self.ends = array("Q", _ends_of_mails(read, size))

    def __len__(self) -> int:
        return len(self.ends) // 2

    def size(self, number: int) -> int:
        """The bytes of a mail, counted from 0."""
        return self.ends[2 * number + 1] - self.ends[2 * number]

    def mail(self, number: int) -> bytes:
        """A mail, as split_mbox() gives it."""
        data = self._read(*self.ends[2 * number : 2 * number + 2])
        found = _FROM_LINE.match(data)
        return _without_escapes(_without_last_empty_line(data[found.end() :])) if found else data


def _ends_of_mails(read: Callable[[int, int], bytes], size: int) -> Iterator[int]:
    """Where each mail of a mailbox begins, its "From " line with it, and where it ends: one after the other."""
    before = _BEFORE_FIRST.match(read(0, min(_AHEAD, size)))
    begin = start = before.end() if before else 0
    for number, place in enumerate(_separators(read, begin, size)):
        lead = read(begin, min(place, begin + _AHEAD)) if number == 0 else b""
        if lead and _MULTIPART.search(_headers(lead)):
            break  # one mail; a "From " line in its parts belongs to what is attached
        if number or lead.strip():
            yield from (start, place)
        start = place
    if size > start:
        yield from (start, size)


def _separators(read: Callable[[int, int], bytes], begin: int, size: int) -> Iterator[int]:
    """Where the "From " lines begin that separate mails, in order."""
    for start in range(begin, size, _PIECE):
        behind = min(_BACK, start - begin)
        data = read(start - behind, min(start + _PIECE + _AHEAD, size))
        for found in _FROM_LINE.finditer(data):
            # The pieces overlap; what stands before this one's first byte may begin in the middle of a line.
            if behind <= found.start() < behind + _PIECE and _separates(data, found):
                yield start - behind + found.start()


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
