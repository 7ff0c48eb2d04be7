"""What mail, a tree with its configuration, and the user may do: three levels of trust, and what each cannot."""

import json
import os
import re
import resource
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from patchscan.basics.orders import inert
from patchscan.basics.printable import printable
from patchscan.basics.usage import FORMATS
from patchscan.cli import main
from patchscan.finding import Edit, Finding
from patchscan.mail import hidden_characters, read_input
from patchscan.mail.gitrange import read_range
from patchscan.mail.thread import read_thread
from patchscan.report.markdown import escaped
from patchscan.report.render import documents
from patchscan.results import Report
from patchscan.rule import Rule
from patchscan.scan import scan
from patchscan.tree import find_tree, open_tree, read_regular

from tests.mails import DIFF, mail, mbox, thread
from tests.test_nothing import DAMAGED, LETTER, Place

ROOT = Path(__file__).parent.parent
SERIES = ROOT / "fixtures/series/collapse-without-sync/series.mbox"
NOTHING = ["--select", "kernel-doc"]
EMPTY = "nothing was judged: stdin: no mail found: the input is empty"
READ = "not written, for it is read: name another file"
MAKEFILE = "VERSION = 6\nPATCHLEVEL = 12\nSUBLEVEL = 0\n"


def tree_at(place: Path) -> Path:
    """The least that counts as a kernel tree."""
    place.mkdir()
    (place / "Kconfig").write_text("")
    (place / "Makefile").write_text(MAKEFILE)
    return place


def series_at(place: Path) -> str:
    path = place / "series.mbox"
    path.write_bytes(mbox(mail("[PATCH] mm: count", LETTER + DIFF)))
    return str(path)


# Mail.


def hostile_report(words: str) -> Report:
    """A report in which a mail says these words wherever a mail can."""
    name = "mm/" + words.replace("/", "").replace("\n", "") + ".c"
    text = (
        DIFF.replace("mm/widget.c", name)
        .replace("\tcount++;", words)
        .replace("int widget_count(void)", words)
    )
    body = f"{words}\n\nSigned-off-by: {words} <a@example.org>\n---\n{text}"
    path = (
        thread(mail(f"[PATCH] {words}", body, author=f"{words} <a@example.org>"))
        .series[0]
        .patches[0]
        .files[0]
        .path
    )

    def check(context: object) -> list[Finding]:
        fix = (Edit("mm/a.c", 2, ("a",), ("b",), (words,)),)
        told = f"Why not {words} {words}"
        return [Finding(path, 13, told, fix=fix), Finding("(changelog)", 1, told), Finding(words, 1, words)]

    rule = Rule("odd", "s", "w", "s", "warning", "high", check, ("x",), ("y",))  # type: ignore[arg-type]
    damaged = DAMAGED.replace("mm/widget.c", f"{words.strip()}.c")
    return scan(thread(mail(f"[PATCH] {words}", body + damaged)), None, [rule])


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize(
    "words", ["::error file=a::b", "  ::add-mask::x", "##[error]x", "a ##vso[task.x]y", "\u3000::stop"]
)
def test_no_line_is_an_order_to_a_runner(form: str, words: str) -> None:
    for _, text in documents(hostile_report(words), form, detail=1):
        lines = text.split("\n")
        orders = [line for line in lines if line.lstrip().startswith("::") or re.search(r"##[\w.]*\[", line)]
        if form == "github":
            ours = r"::(?:warning|notice|error) (?:file=[^:]*,line=\d+,title=[^:]*|title=[\w ]+)::"
            orders = [line for line in orders if not re.match(ours, line)]
        assert orders == []


@pytest.mark.parametrize("form", ["json", "sarif"])
def test_what_is_made_inert_reads_the_same_in_json(form: str) -> None:
    ((_, text),) = documents(hostile_report("##[error]x"), form)
    assert "##[error]x" in json.dumps(json.loads(text))


def test_inert_changes_nothing_else() -> None:
    text = "std::move(a)\n a ::b\n#define f(a, b) a##b[0]\n## Title\n: :\n"
    assert inert(text) == text.replace("a##b[", "a\\x23#b[")


@pytest.mark.parametrize(
    "words", ["@torvalds", "a@example.org", "https://example.org/x", "www.example.org", "x#12", "org/repo#1"]
)
def test_markdown_calls_nobody(words: str) -> None:
    assert escaped(f"by {words}, he") == f"by `{words},` he"
    assert escaped(f"`{words}`") == f"`` `{words}` ``"


@pytest.mark.parametrize(
    "character", "\0\a\b\v\x1b\x7f\x90\x9b\u3164\u00ad\uffa0\u115f\u2800\u034f\ufe01\U000e0041\u200b\u202e"
)
def test_a_character_that_cannot_be_seen_is_found_and_shown(character: str) -> None:
    assert hidden_characters(f"int a{character};") == ((5, character),)
    assert not character.isprintable() or character not in printable(f"int a{character};")


@pytest.mark.parametrize(
    "text", ["Grüße", "日本語 한국어", "⚠\ufe0f", "naïve — “quoted”", "a\u00a0b", "\ta\f\r"]
)
def test_text_that_can_be_seen_is_no_hidden_character(text: str) -> None:
    assert hidden_characters(text) == ()


def test_a_name_cannot_bring_a_hunk_into_the_fix(tmp_path: Path) -> None:
    name = r'"b/mm/Makefile\n+++ b/mm/Makefile\n@@ -1 +1 @@\n-int f(int a)\n+int evil(int a)\n--- a/mm/x.c"'
    hunk = "@@ -1,2 +1,3 @@ int f(int a)\n int f(int a)\n+\ta = 1; // \u202e\n {\n"
    place = Place(tmp_path)
    words = [place.series(mail("[PATCH] mm: x", LETTER + f"--- {name}\n+++ {name}\n{hunk}")), "--no-tree"]
    fixes = tmp_path / "fixes.patch"
    assert main([*words, "--fix-patch", str(fixes)]) == 3
    assert "evil" not in fixes.read_text()


# A tree and its configuration.


@pytest.mark.parametrize("kind", ["fifo", "device", "link", "directory"])
def test_a_configuration_of_the_tree_is_a_regular_file_in_it(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tree = tree_at(tmp_path / "tree")
    place = tree / ".patchscan.toml"
    if kind == "fifo":
        os.mkfifo(place)
    elif kind == "device":
        place.symlink_to("/dev/zero")
    elif kind == "link":
        (tmp_path / "mine.toml").write_text("ignore = []\n")
        place.symlink_to("../mine.toml")
    else:
        place.mkdir()
    assert main([series_at(tmp_path), "--tree", str(tree)]) == 2
    error = capsys.readouterr().err
    assert str(place) in error and error.count("\n") == 1


@pytest.mark.parametrize(
    "name", ["/etc/passwd", "../known.toml", "inside/../../known.toml", "link.toml", "/dev/zero"]
)
def test_a_configuration_of_the_tree_names_nothing_outside(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tree = tree_at(tmp_path / "tree")
    (tree / "inside").mkdir()
    (tree / "link.toml").symlink_to("../known.toml")
    (tmp_path / "known.toml").write_text("")
    (tree / ".patchscan.toml").write_text(f'baseline = "{name}"\n')
    assert main([series_at(tmp_path), "--tree", str(tree), *NOTHING]) == 2
    assert "leads out of the tree" in capsys.readouterr().err
    mine = tmp_path / "mine.toml"
    mine.write_text('baseline = "known.toml"\n')
    assert main([series_at(tmp_path), "--tree", str(tree), "--config", str(mine), *NOTHING]) == 0


def test_accepted_findings_go_only_where_the_user_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tree = tree_at(tmp_path / "tree")
    (tree / ".patchscan.toml").write_text('baseline = "known.toml"\n')
    words = [series_at(tmp_path), "--tree", str(tree), *NOTHING, "--accept", "as agreed"]
    assert main(words) == 2
    assert "--baseline" in capsys.readouterr().err and not (tree / "known.toml").exists()
    assert main([*words, "--baseline", str(tmp_path / "mine.toml")]) == 0
    assert (tmp_path / "mine.toml").exists() and not (tree / "known.toml").exists()


def test_a_pipe_in_a_tree_is_not_waited_for(tmp_path: Path) -> None:
    (tmp_path / "Kconfig").write_text("")
    os.mkfifo(tmp_path / "Makefile")
    os.mkfifo(tmp_path / "MAINTAINERS")
    assert find_tree(str(tmp_path)) is None
    tree = open_tree(str(tmp_path))
    assert tree.read("Makefile") is None and tree.read("MAINTAINERS") is None and tree.read("Kconfig") == b""


def test_a_file_larger_than_any_of_a_kernel_is_not_read(tmp_path: Path) -> None:
    with open(tmp_path / "large.c", "wb") as file:
        file.truncate((64 << 20) + 1)
    assert read_regular(str(tmp_path / "large.c")) is None


def test_pipes_where_files_are_looked_for_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In a directory of rules, in one of litmus tests, and in the place of a file that is to be mended."""
    for name in ("rules", "tests", "tree/mm"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("rules/odd_call.py", "tests/odd.litmus", "tree/mm/widget.c"):
        os.mkfifo(tmp_path / name)
    assert main([series_at(tmp_path), "--no-tree", "--rules", str(tmp_path / "rules"), "--exit-zero"]) == 3
    assert "odd_call.py: cannot be loaded: this is no regular file" in capsys.readouterr().err
    assert main(["simulate", str(tmp_path / "tests")]) == 2
    assert "odd.litmus:1: not a C litmus test" in capsys.readouterr().err
    (tmp_path / "tree/Makefile").write_text("VERSION = 6\nPATCHLEVEL = 12\n")
    diff = DIFF.replace("\tcount++;", "\tcount++; ")
    words = [*Place(tmp_path).patch(diff)[:1], "--select", "whitespace-error", "--fix"]
    main([*words, "--tree", str(tmp_path / "tree")])
    assert "fixed 0 files" in capsys.readouterr().err


def test_pipes_in_a_directory_of_mails_are_left_out(tmp_path: Path) -> None:
    for folder in ("cur", "new", "tmp"):
        (tmp_path / folder).mkdir()
    (tmp_path / "cur" / "1").write_text(mail("[PATCH] mm: count", LETTER + DIFF))
    os.mkfifo(tmp_path / "new" / "2")
    messages, problems = read_input([str(tmp_path)])
    assert [each.subject for each in messages] == ["[PATCH] mm: count"] and problems == ()


def test_pipes_and_links_of_a_quilt_series_are_told(tmp_path: Path) -> None:
    (tmp_path / "series").write_text("1.patch\n2.patch\n../3.patch\n")
    (tmp_path / "1.patch").write_text(mail("mm: count", LETTER + DIFF))
    os.mkfifo(tmp_path / "2.patch")
    messages, problems = read_input([str(tmp_path)])
    assert len(messages) == 1 and [problem.lost for problem in problems] == [True, True]


# The user, whose word counts, and whose files are safe from a slip.


def test_a_pipe_that_the_user_names_is_read(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    holding = os.open(pipe, os.O_RDWR)
    os.write(holding, mail("[PATCH] mm: count", LETTER + DIFF).encode())
    threading.Timer(0.2, os.close, (holding,)).start()
    messages, problems = read_input([str(pipe)])
    assert [each.subject for each in messages] == ["[PATCH] mm: count"] and problems == ()


def test_a_pipe_that_nobody_writes_to_is_empty(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    messages, problems = read_input([str(tmp_path / "pipe")])
    assert messages == () and "empty" in problems[0].message


@pytest.mark.parametrize("option", ["-o", "--fix-patch"])
@pytest.mark.parametrize("how", ["itself", "link", "hard link"])
def test_an_input_is_never_written_over(
    option: str, how: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    series = series_at(tmp_path)
    before = Path(series).read_bytes()
    place = tmp_path / "other"
    if how == "link":
        place.symlink_to(series)
    elif how == "hard link":
        os.link(series, place)
    else:
        place = Path(series)
    assert main([series, "--no-tree", *NOTHING, option, str(place)]) == 2
    assert READ in capsys.readouterr().err
    assert Path(series).read_bytes() == before


def test_a_draft_does_not_replace_the_mail_it_answers(tmp_path: Path) -> None:
    first = Place(tmp_path).write(
        "0001-count.mbox", mail("[PATCH] count", LETTER + DIFF.replace("\tcount++;", "\tcount++; \u202e"))
    )
    before = Path(first).read_bytes()
    assert main([str(tmp_path), "--no-tree", "--format", "mail", "-o", str(tmp_path)]) == 2
    assert Path(first).read_bytes() == before


def test_a_scan_that_fails_leaves_the_output_as_it_was(tmp_path: Path) -> None:
    report = tmp_path / "report.txt"
    report.write_text("of yesterday\n")
    assert main([series_at(tmp_path), "--no-tree", "--select", "no-such-rule", "-o", str(report)]) == 2
    assert report.read_text() == "of yesterday\n"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")
@pytest.mark.parametrize("option", ["-o", "--fix-patch"])
def test_a_full_disk_is_one_line(option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    diff = DIFF.replace("\tcount++;", "\tcount++; \u202e")
    words = Place(tmp_path).patch(diff)
    assert main([words[0], "--no-tree", option, "/dev/full"]) == 2
    assert capsys.readouterr().err == "patchscan: /dev/full: cannot be written: No space left on device\n"


@pytest.mark.parametrize(
    ("words", "place"),
    [
        ("fault.patch --no-tree --baseline known.toml --accept because", "known.toml"),
        (f"model {SERIES} --tree {ROOT}/fixtures/tree --models m", "m"),
        ("new-rule odd-call --directory .", "odd_call.py"),
        ("new-rule odd-call --directory . --row", "odd-call.toml"),
    ],
)
def test_a_disk_that_fills_is_named_and_loses_nothing(words: str, place: str, tmp_path: Path) -> None:
    """So much may be written to a file that some of what there is to write is, and then no more."""
    known = "# Known.\n" * 60
    (tmp_path / "known.toml").write_text(known)
    body = LETTER + DIFF.replace("\tcount", "        count")
    (tmp_path / "fault.patch").write_bytes(mail("[PATCH] mm: count", body).encode())
    done = subprocess.run(
        [sys.executable, "-B", "-m", "patchscan", *words.split()],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": str(tmp_path / "cache")},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (600, 600)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (2, f"patchscan: {place}: cannot be written: File too large\n")
    assert (tmp_path / "known.toml").read_text() == known
    assert not (tmp_path / "odd_call.py").exists() and not (tmp_path / "odd-call.toml").exists()


def run(words: str, place: Path) -> subprocess.CompletedProcess[str]:
    """A shell command with $P for patchscan and $S for a series."""
    environment = {
        **os.environ,
        "P": f"{sys.executable} -m patchscan",
        "S": series_at(place),
        "PYTHONPATH": str(ROOT),
    }
    return subprocess.run(
        ["sh", "-c", words], cwd=place, capture_output=True, text=True, env=environment, check=False
    )


@pytest.mark.parametrize(
    ("words", "status", "error"),
    [
        ("$P $S --no-tree > /dev/full", 2, "patchscan: standard output: No space left on device\n"),
        ("$P $S --no-tree >&-", 2, "patchscan: standard output: Bad file descriptor\n"),
        ("$P $S --no-tree >&- 2>&-", 2, ""),
        ("$P $S --no-tree 2> /dev/full > /dev/full", 2, ""),
        ("$P - --no-tree <&-", 2, f"patchscan: {EMPTY} (and 1 more)\n"),
        ("$P - --no-tree -o series.mbox < series.mbox", 2, f"patchscan: series.mbox: {READ}\n"),
        ("$P - --no-tree -o /dev/null < series.mbox", 0, ""),
        ("$P $S --no-tree | head -c 0", 0, ""),
        ("PYTHONIOENCODING=ascii $P $S --no-tree --format markdown", 0, ""),
        ("mkdir gone; cd gone; rmdir ../gone; $P $S", 2, "patchscan: the working directory is not there any more\n"),
        ("$P rules > /dev/full", 2, "patchscan: standard output: No space left on device\n"),
        ("$P explain kernel-doc >&-", 2, "patchscan: standard output: Bad file descriptor\n"),
    ],
)  # fmt: skip
def test_streams_that_are_closed_or_full(words: str, status: int, error: str, tmp_path: Path) -> None:
    if "/dev/full" in words and not os.path.exists("/dev/full"):
        pytest.skip("there is no /dev/full")
    done = run(words, tmp_path)
    assert (done.returncode, done.stderr) == (status, error)


def test_a_report_that_nobody_read_is_not_clean() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "patchscan", "rules"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, env=environment, check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, b"")


@pytest.mark.parametrize(
    "text",
    [
        "a = " + "9" * 5000,
        "ignore = " + "[" * 20000,
        "a = " + "{a=" * 5000,
        "\0",
        "\udcff = 1",
        'baseline = "a\\u0000b"',
        'ignore = "x"',
        "severity = 1",
        "for = 1",
        "for = [[1]]",
        "options = [1]",
        "[options]\nx = 1",
        "a.b.c = 1\na.b = 2",
    ],
)
@pytest.mark.parametrize("option", ["--config", "--baseline"])
def test_odd_settings_are_one_line(
    option: str, text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = Place(tmp_path)
    path = place.write("odd.toml", text)
    assert main([series_at(tmp_path), "--no-tree", option, path]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"patchscan: {path}: ") and error.count("\n") == 1 and len(error) < 500


@pytest.mark.parametrize("text", [None, "a = " + "[" * 200000, "a = " + "9" * 5000, "\udcff = 1", "= 3"])
@pytest.mark.parametrize(
    ("name", "words", "status"),
    [
        ("rows.toml", ["--rules", "."], 3),
        ("resources.toml", ["--rules", "."], 3),
        ("conventions.toml", ["--rules", "."], 3),
        ("scenes.toml", ["model", "--tree", str(ROOT / "fixtures/tree"), "--scenarios", "."], 2),
        ("schemes.toml", ["cost", "schemes.toml", "--cpus", "8"], 2),
    ],
)
def test_every_toml_file_is_read_with_the_same_care(
    name: str,
    words: list[str],
    status: int,
    text: str | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Tables of rules, resources and conventions, scenarios and schemes; None: a named pipe that nobody writes to."""
    series = series_at(tmp_path)
    (tmp_path / "given").mkdir()
    monkeypatch.chdir(tmp_path / "given")
    if text is None:
        os.mkfifo(name)
    else:
        Path(name).write_bytes(text.encode("utf-8", "surrogateescape"))
    command = words if "cost" in words else [*words, series, *([] if "--tree" in words else ["--no-tree"])]
    assert main(command) == status
    told = capsys.readouterr()
    assert any(each in told.err + told.out for each in ("not TOML", "not read", "no regular file"))
    assert told.err.count("\n") == 1 and name in told.err + told.out


def test_a_file_that_is_no_utf_8_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = os.fsencode(tmp_path) + b"/\xff.mbox"
    Path(os.fsdecode(name)).write_bytes(mbox(mail("[PATCH] mm: count", LETTER + DAMAGED)))
    assert main([os.fsdecode(name), "--no-tree"]) == 3
    told = capsys.readouterr()
    assert "\\xff.mbox" in told.out and "\\xff.mbox" in told.err
    assert main([os.fsdecode(name) + "x", "--no-tree", "--format", "json"]) == 2


@pytest.mark.parametrize("place", ["mm/gup.c:" + "9" * 5000, "mm/gup.c:\u00b2", "mm/gup.c:-1", ":1", "a"])
def test_a_line_that_is_no_number_is_one_line(
    place: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["why", series_at(tmp_path), place, "--no-tree"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_fault_of_ours_is_no_finding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> None:
        raise ValueError("::error::odd\nand more")

    monkeypatch.setattr("patchscan.commands.loading.Tools.judge", fail)
    assert main([series_at(tmp_path), "--no-tree"]) == 70
    assert capsys.readouterr().err.count("\n") == 1
    assert main([series_at(tmp_path), "--no-tree", "-v"]) == 70
    lines = capsys.readouterr().err.split("\n")
    assert "Traceback" in lines[1] and not any(line.lstrip().startswith("::") for line in lines)


SETTINGS = [
    "core.abbrev=4", "core.quotePath=false", "diff.algorithm=patience", "diff.context=0", "diff.interHunkContext=9",
    "diff.mnemonicPrefix=true", "diff.noprefix=true", "diff.orderFile=order", "diff.relative=true",
    "diff.renames=false", "diff.suppressBlankEmpty=true", "diff.renameLimit=1", "color.ui=always", "color.diff=always",
    "format.attach=x", "format.cc=c@x", "format.coverLetter=true", "format.encodeEmailHeaders=false",
    "format.forceInBodyFrom=true", "format.from=true", "format.headers=X-Odd: 1", "format.mboxrd=true",
    "format.noprefix=true", "format.notes=true", "format.numbered=false", "format.pretty=oneline",
    "format.signature=odd", "format.signOff=true", "format.subjectPrefix=RFC", "format.suffix=.odd",
    "format.thread=deep", "format.to=t@x", "format.useAutoBase=true", "i18n.commitEncoding=latin1",
    "i18n.logOutputEncoding=utf-16", "log.date=relative", "log.follow=true", "log.showSignature=true",
    "core.attributesFile=attributes", "diff.odd.textconv=false", "diff.external=false", "diff.submodule=log",
    "diff.wsErrorHighlight=all", "diff.colorMoved=zebra", "log.mailmap=true", "mailmap.file=mailmap",
]  # fmt: skip


def git(directory: Path, *words: str) -> bytes:
    identity = ["-c", "user.name=A Person", "-c", "user.email=a@example.org", "-c", "commit.gpgSign=false"]
    return subprocess.run(
        ["git", "-C", str(directory), *identity, *words], check=True, capture_output=True
    ).stdout


@pytest.mark.skipif(not shutil.which("git"), reason="git is not installed")
def test_settings_of_the_user_do_not_change_a_range(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    top = tmp_path / "linux"
    (top / "mm").mkdir(parents=True)
    git(top, "init", "-q")
    for number, text in enumerate(
        ("a\n\nb\nc\nd\ne\nf\ng\nh\ni\nj\n", "a\n\nB\nc\nd\ne\nf\ng\nh\nI\nj\n", "a\n"), 1
    ):
        (top / "mm" / "a.c").write_text(text)
        (top / "mm" / f"grün{number}.c").write_text(f"int a{number};\n")
        if number == 3:
            (top / "mm" / "grün1.c").rename(top / "mm" / "moved.c")
        git(top, "add", "-A")
        git(top, "commit", "-q", "-m", f"mm: größer {number}\n\nWhy.")
    messages, problems = read_range("HEAD~2..", str(top))
    plain = read_thread(messages, problems)
    assert not plain.problems and len(plain.series[0].patches) == 2
    (top / "order").write_text("mm/gr*\n")
    (top / "attributes").write_text("*.c -diff\n")
    (top / "mailmap").write_text("Other <o@example.org> <a@example.org>\n")
    for setting in SETTINGS:
        name, _, value = setting.partition("=")
        git(top, "config", "--add", name, value)
    monkeypatch.setenv("GIT_DIFF_OPTS", "--unified=0")
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "diff.context")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "0")
    assert read_range("HEAD~2..", str(top)) == (messages, problems)
