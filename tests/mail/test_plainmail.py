"""What is read without the email package reads as the email package has it."""

import email.utils
import os
from pathlib import Path

import pytest
from patchscan.mail.mbox import split_mbox
from patchscan.mail.mime import _decode_mime, decode_mail
from patchscan.mail.plainmail import name_and_address, read_plain, seconds

HEAD = b"From: A <a@b.org>\nSubject: one\n"
SHARED = os.environ.get("PATCHSCAN_SHARED")


@pytest.mark.parametrize(
    "raw",
    [
        HEAD + b"\nbody\n",
        HEAD + b"\n\n\nbody after empty lines",
        b"\nno headers at all\n",
        b"Subject: folded\n\tover two\n lines\nFROM: A <a@b.org>\n\nbody\n",
        b"Subject:\n folded at once\n\nbody\n",
        b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\n\nbody\n",
        b"Subject: first\nSubject: second\n\nbody\n",
        b"Subject: raw \xfc byte\n\nbody \xfc\n",
        HEAD + b"Content-Type: text/plain; charset=iso-8859-1\n\nbody \xfc\n",
        HEAD + b'Content-Type: text/plain;\n charset="UTF-8"\n\nbody \xc3\xbc\n',
        HEAD + b"Content-Transfer-Encoding: quoted-printable\n\na =3D b=\nc =C3=BC \n=ZZ\n",
        HEAD + b"Content-Transfer-Encoding: 8BIT\n\n\xef\xbb\xbfbody\n",
        HEAD + b"Content-Type: text/plain; charset=x-unknown\n\nbody \xff\n",
    ],
)
def test_plain_mails_read_alike(raw: bytes) -> None:
    assert read_plain(raw) is not None
    assert decode_mail(raw) == _decode_mime(raw)


@pytest.mark.parametrize(
    "raw",
    [
        HEAD,
        HEAD + b"\n",
        HEAD + b"no header\n\nbody\n",
        b" continues nothing\n\nbody\n",
        HEAD.replace(b"\n", b"\r\n") + b"\r\nbody\r\n",
        HEAD + b"Content-Type: text/plain; format=flowed\n\nbody \nflows\n",
        HEAD + b"Content-Type: text/html\n\n<p>body\n",
        HEAD + b"Content-Type: text/plain; name=a.patch\n\nbody\n",
        HEAD + b"Content-Type: text/plain\nContent-Type: text/html\n\nbody\n",
        HEAD + b"Content-Disposition: attachment\n\nbody\n",
        HEAD + b"Content-Transfer-Encoding: base64\n\nYm9keQo=\n",
    ],
)
def test_other_mails_are_left_to_the_email_package(raw: bytes) -> None:
    assert read_plain(raw) is None
    assert decode_mail(raw) == _decode_mime(raw)


@pytest.mark.skipif(not SHARED, reason="PATCHSCAN_SHARED is not set")
def test_real_mails_read_alike() -> None:
    mails = [
        mail
        for box in sorted(Path(SHARED or "").glob("corpus/*/*.mbox"))
        for mail in split_mbox(box.read_bytes())
    ]
    assert [mail[:80] for mail in mails if decode_mail(mail) != _decode_mime(mail)] == []
    assert sum(read_plain(mail) is not None for mail in mails) > len(mails) / 2


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a@b.org",
        "A B <a@b.org>",
        "A B<a@b.org>",
        "Gustavo A. R. O'Neil-X <a+b.c@d-e.org>",
        '"B, A" <a@b.org>',
        '"B. A. (team)"<a@b.org>',
        '"B\\"A" <a@b.org>',
        '"B\nA" <a@b.org>',
        '" B  A " <a@b.org>',
        '"" <a@b.org>',
        '"B" A <a@b.org>',
        "A B (team) <a@b.org>",
        "Grüße <a@b.org>",
        "A & B / C <a@b.org>",
        "<a@b.org>",
        "A <a@b.org> # 5.4+",
        "A <a@b>, B <c@d>",
        "A <not an address>",
        "- <a@b..c>",
    ],
)
def test_names_and_addresses(text: str) -> None:
    assert name_and_address(text) == email.utils.parseaddr(text)


@pytest.mark.parametrize(
    "date",
    [
        "Mon, 1 Jan 2024 00:00:00 +0000",
        "Thu, 29 Feb 2024 23:59:59 -0800",
        "1 Mar 2000 12:00:00 +0530 (IST)",
        "Fri, 31 Dec 1999 23:59:59 -0000",
        "Sun,  6 Nov 1994 08:49:37 GMT",
        "Tue, 28 Feb 2100 01:02:03 +1400",
    ],
)
def test_dates(date: str) -> None:
    assert seconds(date) == email.utils.mktime_tz(email.utils.parsedate_tz(date) or (0,) * 10)


@pytest.mark.parametrize(
    "date", ["", "yesterday", "Mon, 1 Foo 2024 00:00:00 +0000", "Mon, 1 Jan 99999 99:00:00"]
)
def test_what_is_no_date_is_0(date: str) -> None:
    assert seconds(date) == 0.0
