"""Small mails, for tests of how mail is read."""

from collections.abc import Sequence

from patchscan.mail import read_messages
from patchscan.mail.thread import read_thread
from patchscan.series import Patch, Series, Thread

DIFF = """\
diff --git a/mm/widget.c b/mm/widget.c
index 1111111..2222222 100644
--- a/mm/widget.c
+++ b/mm/widget.c
@@ -10,4 +10,5 @@ int widget_count(void)
 	int count;
 
 	count = widgets;
+	count++;
 	return count;
"""
SEPARATOR = "From mboxrd@z Thu Jan  1 00:00:00 1970\n"


def diff_for(path: str) -> str:
    """A diff of one hunk for the file at path."""
    return DIFF.replace("mm/widget.c", path)


def mail(
    subject: str,
    body: str = "Count them.\n\nSigned-off-by: A Person <a@example.org>\n---\n" + DIFF,
    message_id: str = "",
    reply_to: Sequence[str] = (),
    author: str = "A Person <a@example.org>",
    headers: str = "",
    day: int = 1,
) -> str:
    """One mail without a "From " line; reply_to: its References, the parent last."""
    lines = [f"From: {author}", f"Subject: {subject}", f"Date: Thu, {day} Jan 2026 10:00:00 +0000"]
    if message_id:
        lines.append(f"Message-ID: <{message_id}>")
    if reply_to:
        lines.append(f"In-Reply-To: <{reply_to[-1]}>")
        lines.append("References: " + " ".join(f"<{name}>" for name in reply_to))
    return "\n".join(lines) + "\n" + headers + "\n" + body


def mbox(*mails: str) -> bytes:
    """Mails as lore.kernel.org would send them (no body in these tests needs escaping)."""
    return "".join(SEPARATOR + one + "\n" for one in mails).encode("utf-8", "surrogateescape")


def thread(*mails: str, revision: int | None = None) -> Thread:
    """The thread in an mbox of these mails."""
    return read_thread(*read_messages(mbox(*mails), "test.mbox"), revision=revision)


def only_series(*mails: str) -> Series:
    """The one series in these mails, which must be read without any problem."""
    found = thread(*mails)
    assert not found.problems
    assert len(found.series) == 1
    return found.series[0]


def only_patch(one: str) -> Patch:
    """The one patch in a mail, which must be read without any problem."""
    patches = only_series(one).patches
    assert len(patches) == 1
    return patches[0]


def added(patch: Patch) -> list[str]:
    """The text of all lines that a patch adds."""
    return [
        line.text
        for change in patch.files
        for hunk in change.hunks
        for line in hunk.lines
        if line.kind == "+"
    ]


def said(found: Thread) -> str:
    """All problems of a thread in one text."""
    return "\n".join(f"{problem.where}: {problem.message}" for problem in found.problems)
