"""Input to messages: files, directories, Maildirs, compressed mailboxes and stdin."""

import os
from collections.abc import Iterator, Sequence

from patchscan.basics.budget import BUDGET
from patchscan.basics.files import MOST_OF_INPUT, MOST_OF_SETTINGS, Unreadable, read_file
from patchscan.basics.pattern import pattern
from patchscan.basics.problem import Problem
from patchscan.basics.record import frozen
from patchscan.mail.gitlog import is_log, log_to_mails
from patchscan.mail.mbox import split_mbox
from patchscan.mail.mime import decode_mail
from patchscan.mail.unpack import unpacked

_MESSAGE_ID = pattern(r"<([^<>\s]+)>")
_DIFF_START = pattern(rb"\s*(?:diff --|--- |Index: )")
_PLAIN_FILES = (".patch", ".diff", ".eml", ".mbox", ".mbx")
_MAIL_FILES = (
    *_PLAIN_FILES,
    *(name + end for name in _PLAIN_FILES for end in (".gz", ".xz", ".bz2", ".zst")),
)
# Mails are a thousand times smaller; the largest patch that git could hold is a file of generated register names.
MOST_OF_MAIL = BUDGET.mail_bytes.most
_LONGEST_LINE = BUDGET.line_bytes.most
# Unicode's Default_Ignorable_Code_Point, but for the two variation selectors that stand behind emoji, and the blank
# of Braille, which is as empty.
_HIDDEN = pattern(
    "[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164"
    "\ufe00-\ufe0d\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)


@frozen
class Message:
    """One mail. message_id: without <>, "" where there is none; author: "Name <address>"; date: as sent.

    references: Message-IDs of the mails before it in its thread, its parent last; body: decoded text, "\\n"
    between lines, surrogates for bytes of no charset; where: what to call it in a Problem; recipients: those
    of To and Cc, as sent.
    """

    message_id: str
    subject: str
    author: str
    date: str
    references: tuple[str, ...]
    body: str
    where: str
    recipients: tuple[str, ...] = ()

    @property
    def parent(self) -> str | None:
        """The Message-ID this mail replies to."""
        return self.references[-1] if self.references else None


def hidden_characters(text: str) -> tuple[tuple[int, str], ...]:
    """Bidirectional, zero-width and other control characters in text: (offset, character) of each.

    Tabs and the ends of lines and pages are none of them.
    They are kept in what is read, for a reviewer must see what the compiler would (CVE-2021-42574).
    """
    return tuple((found.start(), found.group()) for found in _HIDDEN.finditer(text))


def read_messages(data: bytes, where: str) -> tuple[tuple[Message, ...], tuple[Problem, ...]]:
    """Read a mailbox, a mail, a patch or a git log, compressed or not; where: its name in problems. Raises nothing."""
    data, problems = unpacked(data, where)
    mails = log_to_mails(data) if is_log(data) else split_mbox(data)
    if not mails:
        problems.append(Problem(where, "no mail found: the input is empty"))
    messages: list[Message] = []
    for number, raw in enumerate(mails, 1):
        place = where if len(mails) == 1 else f"{where}, message {number}"
        for message in messages_in(raw, place, problems):
            messages.append(message)
    return tuple(messages), tuple(problems)


def too_large(size: int, where: str) -> Problem:
    """What is said of a mail of so many bytes that is not read."""
    why = f"this mail has {size >> 20} MiB, more than {MOST_OF_MAIL >> 20}: not read"
    return Problem(where, why, lost=True)


def messages_in(raw: bytes, where: str, problems: list[Problem]) -> Iterator[Message]:
    """One mail and those inside it, outermost first; one that is too large is left out."""
    if len(raw) > MOST_OF_MAIL:
        problems.append(too_large(len(raw), where))
        return
    if _DIFF_START.match(raw):
        raw = b"\n" + raw  # a bare diff: no headers
    decoded = decode_mail(raw)
    problems.extend(Problem(where, note) for note in decoded.notes)
    problems.extend(Problem(where, note, lost=True) for note in decoded.lost)
    headers = decoded.headers
    if len(decoded.text) > _LONGEST_LINE and max(map(len, decoded.text.split("\n"))) > _LONGEST_LINE:
        why = f"a line of this mail has more than {_LONGEST_LINE >> 20} MiB: not read"
        problems.append(Problem(where, why, lost=True))
        return
    if headers or decoded.text.strip():
        ids = _MESSAGE_ID.findall(headers.get("message-id", ""))
        yield Message(
            message_id=ids[0] if ids else headers.get("message-id", "").strip("<> "),
            subject=headers.get("subject", ""),
            author=headers.get("from", ""),
            date=headers.get("date", ""),
            references=_references(headers),
            body=decoded.text,
            where=where,
            recipients=_recipients(headers),
        )
    for number, inner in enumerate(decoded.inner, 1):
        for one in split_mbox(inner):
            yield from messages_in(one, f"{where}, attachment {number}", problems)


def _recipients(headers: dict[str, str]) -> tuple[str, ...]:
    """The addresses of To and Cc, each once; a comma may stand in a quoted name."""
    found: list[str] = []
    quoted = False
    for piece in ",".join(headers.get(name, "") for name in ("to", "cc")).split(","):
        if quoted:
            found[-1] += "," + piece
        else:
            found.append(piece)
        quoted ^= piece.replace('\\"', "").count('"') % 2 == 1
    return tuple(dict.fromkeys(one.strip() for one in found if "@" in one))


def _references(headers: dict[str, str]) -> tuple[str, ...]:
    """References and In-Reply-To as one chain; In-Reply-To names the parent where they differ."""
    chain = list(dict.fromkeys(_MESSAGE_ID.findall(headers.get("references", ""))))
    for parent in _MESSAGE_ID.findall(headers.get("in-reply-to", ""))[:1]:
        if parent in chain:
            chain.remove(parent)
        chain.append(parent)
    return tuple(chain)


def read_input(
    paths: Sequence[str], stdin: bytes | None = None
) -> tuple[tuple[Message, ...], tuple[Problem, ...]]:
    """Read what a user names: mailboxes, patch files, Maildirs, directories, "-" for stdin; in that order."""
    messages: list[Message] = []
    problems: list[Problem] = []
    for path in paths:
        for where, data in _contents(path, stdin, problems):
            found, troubles = read_messages(data, where)
            messages.extend(found)
            problems.extend(troubles)
    return tuple(messages), tuple(problems)


def _contents(path: str, stdin: bytes | None, problems: list[Problem]) -> Iterator[tuple[str, bytes]]:
    if path == "-":
        yield "stdin", stdin or b""
        return
    files = [path]
    if os.path.isdir(path):
        try:
            files = files_in(path, problems)
        except OSError as error:
            problems.append(Problem(path, f"cannot be read: {error.strerror}", lost=True))
            return
    for file in files:
        try:
            # What the user names may be a pipe, as a shell makes one of "<(git format-patch ...)".
            yield file, read_file(file, MOST_OF_INPUT, pipes=file is path)
        except Unreadable as error:
            problems.append(Problem(file, str(error), lost=True))


def files_in(path: str, problems: list[Problem]) -> list[str]:
    """The mails of a Maildir, the patches of a quilt series in its order, else all patch files by name."""
    folders = [os.path.join(path, name) for name in ("cur", "new") if os.path.isdir(os.path.join(path, name))]
    if folders:
        mails = [entry.path for folder in folders for entry in os.scandir(folder) if entry.is_file()]
        files = sorted(mails, key=os.path.basename)
    elif os.path.isfile(os.path.join(path, "series")):
        files = _quilt_series(path, problems)
    else:
        entries = [entry for entry in os.scandir(path) if entry.is_file()]
        files = sorted(entry.path for entry in entries if entry.name.lower().endswith(_MAIL_FILES))
    if not files:
        problems.append(
            Problem(
                path, f"no patches in this directory: looked for {', '.join(_PLAIN_FILES)}, compressed or not"
            )
        )
    return files


def _quilt_series(path: str, problems: list[Problem]) -> list[str]:
    files: list[str] = []
    try:
        series = read_file(os.path.join(path, "series"), MOST_OF_SETTINGS).decode("utf-8", "surrogateescape")
    except Unreadable as error:
        problems.append(Problem(f"{path}/series", str(error), lost=True))
        return files
    for line in series.split("\n"):
        name = line.split("#")[0].split()[:1]
        if not name:
            continue
        if os.path.isabs(name[0]) or ".." in name[0].split("/") or "\0" in name[0]:
            why = f"{name[0]} lies outside the directory; left out"
            problems.append(Problem(f"{path}/series", why, lost=True))
            continue
        files.append(os.path.join(path, name[0]))
    return files
