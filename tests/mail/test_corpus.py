"""Real mail, where it can be had (PATCHSCAN_SHARED): everything is read, and git counts the same lines."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from patchscan.diff.read import read_diff
from patchscan.mail import Message, read_messages
from patchscan.mail.body import split_body
from patchscan.mail.thread import read_thread
from patchscan.series import FileChange

SHARED = os.environ.get("PATCHSCAN_SHARED", "")
MAILBOXES = sorted(Path(SHARED, "corpus").rglob("*.mbox")) if SHARED else []

pytestmark = pytest.mark.skipif(not MAILBOXES, reason="PATCHSCAN_SHARED is not set")
each_mailbox = pytest.mark.parametrize("mailbox", MAILBOXES, ids=lambda path: path.stem)


def messages_of(mailbox: Path) -> tuple[Message, ...]:
    messages, problems = read_messages(mailbox.read_bytes(), mailbox.name)
    assert problems == ()
    return messages


@each_mailbox
def test_every_mail_is_read(mailbox: Path) -> None:
    separators = re.findall(rb"(?m)^From (?:mboxrd@z|[0-9a-f]{40}) ", mailbox.read_bytes())
    messages = messages_of(mailbox)
    assert len(messages) == len(separators)
    thread = read_thread(messages)
    mails = [mail for series in thread.series for mail in series.mails]
    read = {each.message_id for each in mails} | {each.message_id for each in thread.replies}
    assert read == {each.message_id for each in messages}
    assert thread.series[0].patches


@each_mailbox
def test_every_hunk_is_proved_by_its_counts(mailbox: Path) -> None:
    thread = read_thread(messages_of(mailbox))
    lost = " ".join(problem.message for problem in thread.problems if problem.lost)
    for series in thread.series:
        for patch in series.patches:
            for change in patch.files:
                assert not change.damaged or change.path in lost
                for hunk in change.hunks:
                    kinds = [line.kind for line in hunk.lines]
                    assert len(kinds) - kinds.count("+") == hunk.old_count
                    assert len(kinds) - kinds.count("-") == hunk.new_count


def numstat(diff: str, directory: Path) -> list[tuple[int, int, str]] | None:
    """git's count of added and removed lines by path, None where git finds the patch corrupt."""
    done = subprocess.run(
        ["git", "apply", "--numstat", "-"],
        input=diff.encode("utf-8", "surrogateescape"),
        cwd=directory,
        capture_output=True,
        check=False,
    )
    if done.returncode:
        return None
    rows = [row.split("\t") for row in done.stdout.decode().split("\n") if row]
    return [(int(added), int(removed), path) for added, removed, path in rows]


def count(change: FileChange) -> tuple[int, int, str]:
    kinds = [line.kind for hunk in change.hunks for line in hunk.lines]
    return kinds.count("+"), kinds.count("-"), change.path


@pytest.mark.skipif(shutil.which("git") is None, reason="git is the oracle here")
@each_mailbox
def test_git_counts_the_same(mailbox: Path, tmp_path: Path) -> None:
    for message in messages_of(mailbox):
        body = split_body(message.body)
        if message.subject.lower().startswith("re:") or not body.diff:
            continue
        files, _ = read_diff(body.diff, message.where)
        counted = numstat("\n".join(body.diff) + "\n", tmp_path)
        if any(change.damaged for change in files):
            # Told, and read by git in ways that differ from patch's.
            continue
        if any(change.repaired for change in files):
            assert counted is None, "git can read what we repaired"
        else:
            assert counted == [count(change) for change in files]
