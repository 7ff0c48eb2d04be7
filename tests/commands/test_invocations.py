"""Wrong and odd invocations: what is said, on which stream, and the exit status; each judged before it was written."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from patchscan.cli import main

from tests.mails import DIFF, mail, mbox

ROOT = Path(__file__).parents[2]
TREE = str(ROOT / "fixtures" / "tree")
LETTER = "Count them.\n\nSigned-off-by: A Person <a@example.org>\n---\n"
NOT_THERE = "cannot be read: No such file or directory"

# The command line ("S" is a sound series, "D" an empty directory, "L" a litmus test), the exit status, what stands on
# standard error behind "patchscan: ", and what on standard output; "" where nothing does.
ROWS = [
    # Names that name nothing.
    ("none.mbox", 2, f"none.mbox: {NOT_THERE}", ""),
    ("seris.mbox", 2, f"seris.mbox: {NOT_THERE}; did you mean series.mbox?", ""),
    ("D/none/x.mbox", 2, f"D/none/x.mbox: {NOT_THERE}", ""),
    ("no-such-branch", 2, "no-such-branch: no such file, and no commit of a git tree at hand", ""),
    ("S none.mbox", 2, f"none.mbox: {NOT_THERE}", ""),
    ("simluate L", 2, "simluate: no such command, file or commit; did you mean `patchscan simulate`?", ""),
    ("exlpain missing-braces", 2, "did you mean `patchscan explain`?", ""),
    ("help simluate", 2, "no such command: simluate; did you mean simulate?", ""),
    ("", 2, "name a series: an mbox, patches, a git range or - (see `patchscan --help`)", ""),
    ("a..b", 2, "", "git cannot read this range"),
    ("20240101.1@example.org", 2, "`b4 mbox 20240101.1@example.org` fetches the thread", ""),
    ("https://lore.kernel.org/r/20240101.1@example.org/", 2, "`b4 mbox 20240101.1@example.org`", ""),
    ("https://lore.kernel.org/lkml/", 2, "no Message-ID in this address; get the thread with `b4 mbox`", ""),
    ("S --inbox D", 2, "--inbox D: this is no public-inbox (v2) and no store of lei", ""),
    # Options that there are not, or that cannot be so.
    ("S --fromat json", 2, "no such option: --fromat; did you mean --format?", ""),
    ("S --format jsn", 2, "--format cannot be 'jsn'; did you mean json?", ""),
    ("S --severity fatal", 2, "--severity cannot be 'fatal'; there are info, warning, error", ""),
    ("S --select missing-brace", 2, "no rule named missing-brace; did you mean missing-braces?", ""),
    ("S --ignore xyzzy", 2, "no rule named xyzzy: `patchscan rules` lists them", ""),
    ("S --select ,", 2, "--select names no rule: `patchscan rules` lists them", ""),
    ("S --jobs 0", 2, "--jobs: wants a number from 1 on, not '0'", ""),
    ("S --jobs -3", 2, "--jobs: wants a number from 1 on, not '-3'", ""),
    ("S --jobs many", 2, "--jobs: wants a number from 1 on, not 'many'", ""),
    ("S --revision 0", 2, "--revision: wants a number from 1 on, not '0'", ""),
    ("S --time-limit soon", 2, "--time-limit: wants a number of seconds, not 'soon'", ""),
    ("S --time-limit -1", 2, "--time-limit: wants a number of seconds, not '-1'", ""),
    ("S --se mm", 2, "ambiguous option: --se could match --select, --severity", ""),
    ("S --format", 2, "--format: expected one argument", ""),
    ("S --tree TREE --no-tree", 2, "--tree and --no-tree contradict each other: leave one out", ""),
    (
        "S --base v6.12 --no-tree",
        2,
        "--base names a revision of a tree, and --no-tree leaves the tree out",
        "",
    ),
    (
        "S --base v6.12",
        2,
        "--base names a revision of a tree, and there is no tree at hand: name it with --tree",
        "",
    ),
    ("S --base v6.12 --tree D", 2, "D: not a git repository", ""),
    ("S --tree none", 2, "none: no such directory", ""),
    (
        "S --select missing-braces --ignore missing-braces",
        2,
        "missing-braces stands in --select and in --ignore",
        "",
    ),
    ("S -q -v", 2, "-v/--verbose: not allowed with argument -q/--quiet", ""),
    ("S --config none.toml", 2, f"none.toml: {NOT_THERE}", ""),
    ("S --baseline none.toml", 2, f"none.toml: {NOT_THERE}", ""),
    ("S --accept because", 2, "--baseline", ""),
    ("S --rules rows.toml", 2, "--rules rows.toml: this is a file: name the directory it lies in", ""),
    ("S --rules D", 2, "--rules D: holds no rule: neither NAME.py nor a table of rows (.toml)", ""),
    ("S -o series.mbox", 2, "series.mbox: not written, for it is read: name another file", ""),
    ("S -o D/none/report.txt", 2, "cannot be written: No such file or directory", ""),
    ("S --previous none.mbox", 2, f"none.mbox: {NOT_THERE}", ""),
    ("S S2 --previous S", 2, "--previous take one series", ""),
    (
        "S --color always --format json --exit-zero",
        0,
        "--color has no effect on --format json",
        '"schema": 1',
    ),
    ("S -v --format json --exit-zero", 0, "-v has no effect on --format json", '"schema": 1'),
    # Other commands.
    ("help", 0, "", "usage: patchscan SERIES [OPTION ...]"),
    ("help compare", 0, "", "usage: patchscan compare [OPTION ...] OLD NEW"),
    ("why S", 2, "why takes a series and PATH:LINE, e.g. `patchscan why v2.mbox mm/gup.c:120`", ""),
    (
        "why S mm/widgt.c:12 --no-tree",
        2,
        "the series does not change this file; did you mean mm/widget.c?",
        "",
    ),
    ("why S mm/widget.c:999 --no-tree", 2, "no hunk of the series shows this line; it shows 10-14", ""),
    ("why S (changelog):99 --no-tree", 2, "the longest changelog of the series has 3 lines", ""),
    ("explain missing-brace", 2, "no rule named missing-brace; did you mean missing-braces?", ""),
    ("explain", 2, "missing: RULE (`patchscan explain --help`)", ""),
    ("explain missing-braces xyzzy", 2, "one argument too many: xyzzy (`patchscan explain --help`)", ""),
    ("compare S", 2, "missing: NEW (`patchscan compare --help`)", ""),
    ("compare S none.mbox", 2, f"none.mbox: {NOT_THERE}", ""),
    ("cost S --plot a.svg", 2, "--plot takes scheme files (.toml), not a series", ""),
    ("cost S --cpus 16", 2, "--cpus takes scheme files (.toml), not a series", ""),
    (
        "model S --no-simulate",
        2,
        "--no-simulate would leave nothing to do: `patchscan model` executes models",
        "",
    ),
    ("model S --pairs mm --tree TREE", 2, "--pairs reads the tree alone: leave the series out", ""),
    ("model --pairs mm", 2, "--pairs needs a kernel tree: name it with --tree", ""),
    ("simulate none.litmus", 2, f"none.litmus: {NOT_THERE}", ""),
    ("simulate L --time-limit -1", 2, "--time-limit: wants a number of seconds, not '-1'", ""),
    ("simulate L --unroll 0", 2, "--unroll: wants a number from 1 on, not '0'", ""),
    ("index D", 2, "D: this is no kernel tree", ""),
    ("index none", 2, "none: no such directory", ""),
    (
        "new-rule odd-call",
        2,
        "rules: no such directory: name one with --directory, and give it to --rules",
        "",
    ),
    (
        "new-rule Odd_Call --directory D",
        2,
        "'Odd_Call' is no rule name: lower-case words joined by hyphens",
        "",
    ),
    ("test-rules none", 2, "none: no such directory of rules", ""),
    ("test-rules D", 2, "D: holds no rule: neither NAME.py nor a table of rows (.toml)", ""),
    ("completion tcsh", 2, "shell cannot be 'tcsh'; there are bash, zsh, fish", ""),
    ("field mm_users --tree TREE", 2, "mm_users: name it as STRUCT.MEMBER, e.g. mm_struct.mm_users", ""),
    ("syntax none.c", 2, f"none.c: {NOT_THERE}", ""),
    ("syntax a.c:nothing", 2, "a.c has no function nothing", ""),
    ("rules --rules rows.toml", 2, "--rules rows.toml: this is a file: name the directory it lies in", ""),
]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory outside any tree, with a series, an empty directory, a table of rows, a C file and a litmus test."""
    (tmp_path / "series.mbox").write_bytes(mbox(mail("[PATCH] mm: count", LETTER + DIFF, "1@x")))
    (tmp_path / "other.mbox").write_bytes(mbox(mail("[PATCH] mm: count", LETTER + DIFF, "2@x")))
    (tmp_path / "D").mkdir()
    (tmp_path / "rows.toml").write_text("")
    (tmp_path / "a.c").write_text("void f(void)\n{\n}\n")
    (tmp_path / "t.litmus").write_text("C t\n{}\nP0(int *x)\n{\n\tWRITE_ONCE(*x, 1);\n}\nexists (x=1)\n")
    for name in ("PATCHSCAN_INBOX", "PI_CONFIG", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def words_of(line: str) -> list[str]:
    short = {"S": "series.mbox", "S2": "other.mbox", "L": "t.litmus", "TREE": TREE}
    return [short.get(word, word) for word in line.split(" ")] if line else []


def test_there_are_sixty() -> None:
    assert len({row[0] for row in ROWS}) == len(ROWS) >= 60


@pytest.mark.parametrize(("line", "status", "err", "out"), ROWS, ids=[row[0] or "nothing" for row in ROWS])
def test_an_invocation(
    line: str, status: int, err: str, out: str, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words_of(line)) == status
    said = capsys.readouterr()
    if out:
        assert out in said.out
    else:
        assert said.out == ""
    if err:
        assert said.err.startswith("patchscan: ") and err in said.err
    assert said.err.count("\n") <= 1 and "Traceback" not in said.err


def piped(*words: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "patchscan", *words]
    return subprocess.run(command, input=given, capture_output=True, check=False)


@pytest.mark.skipif(not shutil.which("git"), reason="git is not installed")
def test_bare_standard_input_is_read_and_an_empty_one_is_none(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    found = piped("--no-tree", "--format", "json", given=(place / "series.mbox").read_bytes())
    assert b'"title": "mm: count"' in found.stdout and found.returncode in (0, 1)
    nothing = piped("--no-tree")
    assert (nothing.returncode, nothing.stdout) == (2, b"")
    assert nothing.stderr.startswith(b"patchscan: name a series")
