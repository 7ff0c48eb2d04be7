"""The common mail, one part of plain text, read without the email package, whose import takes longer than most scans.

Only what reads the same either way is taken here; everything else (MIME parts, base64, format=flowed, CR) is left
to patchscan.mail.mime.
"""

import binascii
import re

from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen

_HEADER = pattern(rb"([!-9;-~]+):[ \t]*(.*(?:\n[ \t].*)*)\n")
_PLAIN_TYPE = pattern(
    r'text/plain(?:\s*;\s*charset="?(?P<charset>[\w.:-]+)"?)?(?:\s*;\s*format=fixed)?\s*;?\s*', re.I
)
_ADDRESS = pattern(
    r"(?:(?P<name>[\w.'/&-]+(?: [\w.'/&-]+)*) ?|\"(?P<quoted>[^\"\\\r\n]+)\" ?)?<(?P<address>[\w.+-]+@[\w.-]+)>"
)
_DATE = pattern(
    r"(?:[A-Z][a-z]{2}, *)?(\d\d?) ([A-Z][a-z]{2}) (\d{4}) (\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)(?: \(\w+\))?"
)
_MONTHS = ("Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec", "Jan", "Feb")
_ENCODINGS = ("7bit", "8bit", "binary", "quoted-printable")


@frozen
class PlainMail:
    """headers: lower-case name -> the raw value of its first; charset: as claimed, None where nothing is; body."""

    headers: dict[str, str]
    charset: str | None
    body: bytes


def read_plain(raw: bytes) -> PlainMail | None:
    """Read a mail (no "From " line) whose body is one plain text, None for every other. Raises nothing."""
    head, _, body = raw.partition(b"\n\n") if not raw.startswith(b"\n") else (b"", b"", raw[1:])
    if b"\r" in raw or not (body or raw.startswith(b"\n")):
        return None
    headers: dict[str, str] = {}
    end, head = 0, head + b"\n" if head else b""
    while end < len(head):
        found = _HEADER.match(head, end)
        if found is None:
            return None
        name = found[1].decode().lower()
        if name in headers and name.startswith("content-"):
            return None
        headers.setdefault(name, found[2].decode("ascii", "surrogateescape"))
        end = found.end()
    kind = _PLAIN_TYPE.fullmatch(headers.get("content-type", "text/plain"))
    encoding = headers.get("content-transfer-encoding", "8bit").lower()
    if kind is None or encoding not in _ENCODINGS or "content-disposition" in headers:
        return None
    if encoding == "quoted-printable":
        body = binascii.a2b_qp(body)
    return PlainMail(headers, kind["charset"], body)


def name_and_address(text: str) -> tuple[str, str]:
    """The parts of "Name <address>", each "" where it is missing, as email.utils.parseaddr() finds them."""
    if not text:
        return "", ""
    found = _ADDRESS.fullmatch(text)
    if found:
        return found["name"] or found["quoted"] or "", found["address"]
    from email.utils import parseaddr

    return parseaddr(text)


def seconds(date: str) -> float:
    """A mail's date in seconds since 1970, 0 where it cannot be read."""
    found = _DATE.fullmatch(date)
    if found and found[2] in _MONTHS:
        return _seconds(found)
    from email.utils import mktime_tz, parsedate_tz

    try:
        parsed = parsedate_tz(date)
        return float(mktime_tz(parsed)) if parsed else 0.0
    except (ValueError, OverflowError, TypeError, IndexError):
        return 0.0


def _seconds(found: re.Match[str]) -> float:
    """Years are counted from March, so that a leap day ends one."""
    day, year, hours, minutes, seconds = (int(found[number]) for number in (1, 3, 4, 5, 6))
    month = _MONTHS.index(found[2])
    year -= month >= 10
    days = 365 * year + year // 4 - year // 100 + year // 400 + (153 * month + 2) // 5 + day - 719469
    east = (int(found[8]) * 3600 + int(found[9]) * 60) * (1 if found[7] == "+" else -1)
    return float(days * 86400 + hours * 3600 + minutes * 60 + seconds - east)
