"""One mail's bytes to decoded headers and text: MIME, charsets, transfer encodings, format=flowed.

The mail is hostile: a charset, nesting or encoding that cannot be read becomes a note, never an exception.
"""

from __future__ import annotations

import binascii
import codecs
import re
import sys
from collections.abc import Iterator

from patchscan.basics.budget import BUDGET
from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen
from patchscan.mail.plainmail import read_plain

# Not imported from typing, nor the email package at all before a mail needs it: both take longer than a small scan.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from email.message import Message as Part

_ENCODED_WORD = pattern(r"=\?([^?*\s]+)(?:\*[^?\s]*)?\?([bBqQ])\?([^?]*)\?=")
_DIFF = pattern(r"^(?:diff --git |--- .*\n\+\+\+ .*\n@@ -|Index: )", re.M)
_CRLF_NAMES = pattern(r"^--- .*\r\n\+\+\+ .*\r\n", re.M)
_OWN_HEADERS = pattern(r"\A(?:From [0-9a-f]{40,64} |(?:From|Subject|Date): )")
_PATCH_NAME = pattern(r"\.(?:patch|diff)(?:\.txt)?$", re.I)
_PATCH_SUBJECT = pattern(r"\[[^\]]*patch", re.I)
_PATCH_TYPES = frozenset({"text/x-patch", "text/x-diff", "text/diff", "text/patch", "application/x-patch"})
_SILENT_TYPES = pattern(r"application/(?:pgp-|x-pgp-|pkcs7-|x-pkcs7-)")
# Mailers say gb2312 and mean one of its supersets.
_WIDER_CHARSET = {"gb2312": "gb18030", "gbk": "gb18030", "ks_c_5601-1987": "cp949"}
# Text that means something else in utf-7 and hz.
_PLAIN = bytes(range(32, 127)) + b" +AGE- ~~"
_WANTED_HEADERS = frozenset(
    {"from", "to", "cc", "subject", "date", "message-id", "in-reply-to", "references"}
)
_LONGEST_HEADER = 5000
_DEEPEST = BUDGET.parts.most
_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_UNREADABLE = (ValueError, LookupError, TypeError, AttributeError, RecursionError)


@frozen
class Decoded:
    """What a mail holds.

    headers: those that tell people, subject and thread, with lower-case names; notes: parts that were not read
    and are no patch; lost: what may be part of a patch and was not read as one;
    text: the body as a reader sees it, "\\n" between lines, bytes of no known charset as surrogates;
    inner: mails and patches with headers of their own that were attached.
    """

    headers: dict[str, str]
    text: str
    inner: tuple[bytes, ...]
    notes: tuple[str, ...]
    lost: tuple[str, ...] = ()


def decode_mail(raw: bytes) -> Decoded:
    """Decode one mail (no "From " line). Raises nothing."""
    plain = read_plain(raw)
    if plain is not None:
        headers = {
            name: decode_header(value) for name, value in plain.headers.items() if name in _WANTED_HEADERS
        }
        text = _lines_with_newline(decode_bytes(plain.body, plain.charset)).removeprefix("\ufeff")
        return Decoded(headers, text, (), ())
    return _decode_mime(raw)


def _decode_mime(raw: bytes) -> Decoded:
    """Any mail, by the email package."""
    import email.parser

    usual = sys.getrecursionlimit()
    try:
        # The package looks at each line once for every part that it is in, which is a square of how deep they nest.
        sys.setrecursionlimit(min(usual, _calls_here() + _DEEPEST))
        mail = email.parser.BytesParser().parsebytes(raw)
        headers = _headers(mail)
        return _decode_parts(mail, headers)
    except _UNREADABLE as error:
        text = _lines_with_newline(raw.decode("utf-8", "surrogateescape"))
        what = "its parts nest too deeply" if isinstance(error, RecursionError) else type(error).__name__
        why = f"MIME structure cannot be read ({what}); read as plain text"
        return Decoded({}, text, (), (), (why,))
    finally:
        sys.setrecursionlimit(usual)


def _calls_here() -> int:
    """How deep the calls nest here."""
    depth, frame = 0, sys._getframe()
    while frame.f_back is not None:
        depth, frame = depth + 1, frame.f_back
    return depth


def _headers(mail: Part) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name, value in mail.raw_items():
        if name.lower() in _WANTED_HEADERS:
            headers.setdefault(name.lower(), decode_header(str(value)))
    return headers


def decode_header(value: str) -> str:
    """A header's value as text: unfolded, encoded words and 8-bit bytes decoded, white space made single."""
    value = value.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape")
    parts: list[tuple[str, bytes]] = []
    text = ""
    end = 0
    for word in _ENCODED_WORD.finditer(value):
        between = value[end : word.start()]
        charset, encoding, content = word.groups()
        if between.strip() or not parts:
            text += _decode_words(parts) + between
            parts = []
        if parts and parts[-1][0] != charset.lower():
            text += _decode_words(parts)
            parts = []
        parts.append((charset.lower(), _decode_word(encoding, content)))
        end = word.end()
    return " ".join((text + _decode_words(parts) + value[end:]).split())


def _decode_word(encoding: str, content: str) -> bytes:
    raw = content.encode("utf-8", "surrogateescape")
    if encoding in "qQ":
        return binascii.a2b_qp(raw, header=True)
    try:
        return binascii.a2b_base64(raw + b"===")
    except binascii.Error:
        return raw


def _decode_words(words: list[tuple[str, bytes]]) -> str:
    """Decode adjacent words of one charset together: a character may be split between two."""
    return decode_bytes(b"".join(raw for _, raw in words), words[0][0]) if words else ""


def decode_bytes(raw: bytes, charset: str | None) -> str:
    """Text of raw by the charset it claims, else by UTF-8; bytes that fit neither become surrogates.

    A codec that gives plain ASCII another meaning is not believed: a reader would see other code than git.
    """
    name = (charset or "utf-8").strip().lower()
    name = _WIDER_CHARSET.get(name, name)
    try:
        if name.startswith(("utf-16", "utf_16", "utf-32", "utf_32")) and (b"\0" in raw or raw[:2] in _MARKS):
            return raw.decode(name)
        if "escape" not in name and codecs.decode(_PLAIN, name) == _PLAIN.decode():
            return raw.decode(name)
    except (ValueError, LookupError, TypeError, AssertionError):
        pass
    return raw.decode("utf-8", "surrogateescape")


def _decode_parts(mail: Part, headers: dict[str, str]) -> Decoded:
    texts: list[str] = []
    attached: list[str] = []
    inner: list[bytes] = []
    notes: list[str] = []
    lost: list[str] = []
    for part in _leaves(mail):
        _forget_endless_parameters(part)
        kind, name = part.get_content_type(), _file_name(part)
        if kind == "message/rfc822":
            inner.extend(_inner_mails(part))
        elif kind in _PATCH_TYPES or _PATCH_NAME.search(name):
            attached.append(_part_text(part))
        elif _is_prose(part, name) or (part is mail and kind != "text/html"):
            texts.append(_part_text(part))
        elif not _SILENT_TYPES.match(kind):
            notes.append(f"part {name or kind} was not read: it is neither text nor a patch")
    text = "\n".join(texts).removeprefix("\ufeff")
    if _DIFF.search(text):
        if any(not _same_diff(text, one) for one in attached):
            lost.append("a patch is attached that differs from the one in the body; the body was read")
        attached = []
    is_patch = len(attached) == 1 and bool(_PATCH_SUBJECT.search(headers.get("subject", "")))
    for one in attached:
        if _OWN_HEADERS.match(one) and not is_patch:
            inner.append(one.encode("utf-8", "surrogateescape"))
        else:
            text = _with_patch(text, one)
    return Decoded(headers, text, tuple(inner), tuple(notes), tuple(lost))


def _forget_endless_parameters(part: Part) -> None:
    """The email package takes quadratic time over them, and no mailer writes so many."""
    for name in ("content-type", "content-disposition"):
        if len(str(part.get(name, ""))) > _LONGEST_HEADER:
            part.replace_header(name, part.get_content_type() if name == "content-type" else "inline")


def _with_patch(text: str, attached: str) -> str:
    """A body with the patch that was attached to it below its "---"."""
    newline = "\n" if text and not text.endswith("\n") else ""
    separator = "" if "\n---\n" in text else "---\n"
    return text + newline + separator + attached


def _leaves(part: Part) -> Iterator[Part]:
    """The parts that hold content, of an alternative only the plain one."""
    if part.get_content_type() == "message/rfc822" or not part.is_multipart():
        yield part
        return
    children = [child for child in part.get_payload() if not isinstance(child, str)]
    if part.get_content_type() == "multipart/alternative":
        plain = [child for child in children if child.get_content_type() != "text/html"]
        children = plain or children
    for child in children:
        yield from _leaves(child)


def _inner_mails(part: Part) -> Iterator[bytes]:
    payload = part.get_payload()
    for child in payload if isinstance(payload, list) else ():
        if not isinstance(child, str):
            yield child.as_bytes()


def _file_name(part: Part) -> str:
    try:
        return decode_header(part.get_filename() or "")
    except _UNREADABLE:
        return ""


def _is_prose(part: Part, name: str) -> bool:
    """Whether a part is what the sender wrote, and not a log or .config attached as text."""
    kind = part.get_content_type()
    file = bool(name) and part.get_content_disposition() == "attachment"
    return kind.startswith("text/") and kind != "text/html" and not file


def _part_bytes(part: Part) -> bytes:
    """A part's content, its transfer encoding undone; no base64 has the lines of a diff, whatever its header says."""
    if str(part.get("content-transfer-encoding", "")).strip().lower() == "base64":
        part.replace_header("content-transfer-encoding", "8bit")
        as_sent = _decoded(part)
        if _DIFF.search(as_sent.decode("utf-8", "surrogateescape")):
            return as_sent
        part.replace_header("content-transfer-encoding", "base64")
    return _decoded(part)


def _decoded(part: Part) -> bytes:
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def _part_text(part: Part) -> str:
    raw = _part_bytes(part)
    try:
        charset = part.get_content_charset()
    except _UNREADABLE:
        charset = None
    text = _lines_with_newline(decode_bytes(raw, charset))
    if str(part.get_param("format", "")).lower() == "flowed":
        return unflow(text, delete_space=str(part.get_param("delsp", "")).lower() == "yes")
    return text


def _lines_with_newline(text: str) -> str:
    """Undo CRLF transport: only where every line ends so, or the names in a diff do, which git never writes.

    A file that the patch changes may really have CRLF lines.
    """
    if "\r\n" in text and (text.count("\r\n") == text.count("\n") or _CRLF_NAMES.search(text)):
        return text.replace("\r\n", "\n")
    return text


def unflow(text: str, delete_space: bool = False) -> str:
    """Undo format=flowed (RFC 3676): take off stuffed spaces, join soft-broken lines.

    Quoted lines are not joined. In a diff a line that ends in a space may be meant so: there a line is
    joined only with one that could not be a line of the diff.
    """
    lines: list[list[str]] = []
    in_diff = joining = False
    for line in text.split("\n"):
        line = line[1:] if line.startswith(" ") else line
        in_diff = (in_diff and line != "-- ") or line.startswith(("diff --git ", "@@ -"))
        may_be_of_diff = in_diff and (not line or line[0] in " +-@\\" or line.startswith("diff "))
        if joining and line != "-- " and not may_be_of_diff:
            if delete_space:
                lines[-1][-1] = lines[-1][-1][:-1]
            lines[-1].append(line)
        else:
            lines.append([line])
        joining = line.endswith(" ") and line != "-- " and not lines[-1][0].startswith(">")
    return "\n".join("".join(pieces) for pieces in lines)


def _same_diff(text: str, attached: str) -> bool:
    """Whether the changed lines of an attached patch all stand in the text too."""
    here = set(text.split("\n"))
    return all(line in here for line in attached.split("\n") if line.startswith(("+", "-")) and line != "-- ")
