"""--diff prints the mechanical fixes, --fix makes them in the work tree, and never anywhere else."""

import shutil
import sys
from pathlib import Path

import pytest
from patchscan.cli import main
from patchscan.diff.apply import apply_hunks
from patchscan.mail import read_messages
from patchscan.mail.thread import read_thread

from tests.mails import mail, mbox

TREE = Path(__file__).parents[2] / "fixtures" / "tree"
BEFORE = "int count;\n\nstatic void add(int by)\n{\n\tcount += by;\n}\n"
DIFF = """\
diff --git a/mm/widget.c b/mm/widget.c
--- a/mm/widget.c
+++ b/mm/widget.c
@@ -3,4 +3,8 @@ int count;
 static void add(int by)
 {
-\tcount += by;
+\tif (by) {
+\t\tcount += by;
+\t\tcount %= 8;
+\t} else
+\t\tcount++;
 }
"""
ONLY = ["--select", "missing-braces", "--exit-zero"]


class Place:
    """A tree that holds a series, and the series as mail."""

    def __init__(self, directory: Path) -> None:
        self.top = directory / "linux"
        shutil.copytree(TREE, self.top)
        (self.top / "mm/widget.c").write_text(BEFORE)
        self.series = directory / "series.mbox"
        text = "Count.\n\nSigned-off-by: A Person <a@example.org>\n---\n" + DIFF
        self.series.write_bytes(mbox(mail("[PATCH] mm: count", text)))

    @property
    def file(self) -> Path:
        return self.top / "mm/widget.c"

    def apply(self) -> None:
        thread = read_thread(*read_messages(self.series.read_bytes(), "series"))
        change = thread.series[0].patches[0].files[0]
        self.file.write_bytes(apply_hunks(BEFORE.encode(), change.hunks).content)

    def run(self, *words: str) -> int:
        return main([str(self.series), "--tree", str(self.top), *ONLY, *words])


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_the_diff_tells_what_is_safe(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    place.run("--diff")
    out = capsys.readouterr().out
    assert out.startswith("mm/widget.c:") and "missing-braces (safe)" in out.split("\n", 1)[0]
    assert "\n--- a/mm/widget.c\n+++ b/mm/widget.c\n@@ " in out and "\n+\t} else {\n" in out
    assert place.file.read_text() == BEFORE


def test_a_terminal_gets_no_escape_code_of_the_mail(
    place: Place, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    place.series.write_bytes(place.series.read_bytes().replace(b"count++;", b"count++; /* \x1b[2J */"))
    place.run("--diff")
    assert "\x1b[2J" in capsys.readouterr().out
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    for words in (["--diff"], ["--format", "fixups"]):
        place.run(*words)
        out = capsys.readouterr().out
        assert "\x1b" not in out and "\\x1b[2J" in out


def test_the_work_tree_is_fixed(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    place.apply()
    place.file.chmod(0o640)
    place.run("--fix")
    assert "\t} else {\n\t\tcount++;\n\t}\n" in place.file.read_text()
    assert place.file.stat().st_mode & 0o777 == 0o640
    assert f"patchscan: fixed 1 file below {place.top}" in capsys.readouterr().err
    assert sorted(path.name for path in place.file.parent.glob("widget*")) == ["widget.c"]


def test_a_file_that_does_not_hold_the_series_stays(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    place.run("--fix")
    told = capsys.readouterr()
    assert place.file.read_text() == BEFORE
    assert "does not hold it as the series leaves it" in told.out
    assert "fixed 0 files" in told.err


def test_a_link_is_not_followed(place: Place, tmp_path: Path) -> None:
    place.apply()
    outside = tmp_path / "outside.c"
    place.file.rename(outside)
    place.file.symlink_to(outside)
    held = outside.read_text()
    place.run("--fix")
    assert outside.read_text() == held and place.file.is_symlink()


@pytest.mark.parametrize("words", [["--diff", "--format", "json"], ["--unsafe-fixes"]])
def test_what_contradicts_is_refused(
    words: list[str], place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    assert place.run(*words) == 2
    assert capsys.readouterr().err.startswith("patchscan: --")
