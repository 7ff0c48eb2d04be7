"""The way of a mail and of a finding through the files, as CONTRIBUTING.md tells it."""

import re
import sys
from pathlib import Path
from types import FrameType

import pytest
from patchscan.cli import main
from patchscan.mail.subject import parse_subject

ROOT = Path(__file__).parent.parent
FUNCTION = 1


def listed_rows() -> list[list[str]]:
    """The files of each row of the table that stand for themselves."""
    text = (ROOT / "CONTRIBUTING.md").read_text()
    section = text[text.index("## The way of a mail") : text.index("## A rule")]
    rows = [re.findall(r"`([\w/]+\.py)`", line.split("|")[1]) for line in section.splitlines() if "`" in line]
    return [[name for name in row if not re.search(r"[A-Z]", name)] for row in rows]


def test_a_mail_enters_the_files_in_the_order_told(capsys: pytest.CaptureFixture[str]) -> None:
    rows = listed_rows()
    row_of = {name: number for number, row in enumerate(rows) for name in row}
    assert len(row_of) > 20 and all((ROOT / "patchscan" / name).is_file() for name in row_of)
    entered: dict[str, None] = {}

    def note(frame: FrameType, event: str, argument: object) -> None:
        code = frame.f_code
        if event == "call" and code.co_flags & FUNCTION and "/patchscan/" in code.co_filename:
            name = code.co_filename.rpartition("/patchscan/")[2]
            if name in row_of and not code.co_name.startswith("<"):
                entered.setdefault(name)

    # What an earlier test asked is remembered, and entered no more.
    parse_subject.cache_clear()
    before = sys.getprofile()
    sys.setprofile(note)
    try:
        mail = ROOT / "fixtures" / "series" / "repaired-later" / "series.mbox"
        main(["--tree", str(ROOT / "fixtures" / "tree"), "--no-simulate", "--exit-zero", str(mail)])
    finally:
        sys.setprofile(before)
    capsys.readouterr()
    numbers = [row_of[name] for name in entered]
    assert numbers == sorted(numbers), list(entered)
    # No reply is in the mail.
    assert set(row_of) - set(entered) == {"mail/replies.py"}
