"""What git itself writes, in all its forms, is read as git means it."""

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from patchscan.mail import read_messages
from patchscan.mail.thread import read_thread
from patchscan.series import FileChange, Series

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is the oracle here")

TEXT = "".join(f"int line{number};\n" for number in range(40))
KINDS = {"M": "modify", "A": "create", "D": "delete", "R": "rename", "C": "copy"}


def git(tree: Path, *arguments: str) -> bytes:
    identity = [
        "-c",
        "user.name=Jürgen Person",
        "-c",
        "user.email=j@example.org",
        "-c",
        "commit.gpgSign=false",
    ]
    return subprocess.run(
        ["git", "-C", str(tree), *identity, *arguments],
        check=True,
        capture_output=True,
        stdin=subprocess.DEVNULL,
    ).stdout


def write(path: Path, text: str | bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape"))


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with three commits; the last two change files in every way."""
    tree = tmp_path_factory.mktemp("tree")
    git(tree, "init", "--quiet")
    for name in (
        "changed",
        "moved",
        "moved too",
        "copied",
        "gone",
        "mode",
        "crlf",
        "tail",
        "back\\slash",
        'quo"te',
        "grün",
    ):
        write(tree / "mm" / f"{name}.c", TEXT.replace("line", name[:3].strip() + "_line"))
    write(tree / "mm/crlf.c", TEXT.replace("\n", "\r\n"))
    write(tree / "mm/picture.bin", bytes(range(256)))
    (tree / "mm/link").symlink_to("changed.c")
    git(tree, "add", "--all")
    git(tree, "commit", "--quiet", "--message", "mm: start")
    write(tree / "mm/changed.c", TEXT.replace("line7;", "line7 = 7;").replace("line30;", "line30 = 30;"))
    for name in ("back\\slash", 'quo"te', "grün"):
        path = tree / "mm" / f"{name}.c"
        write(path, path.read_text().replace("line3;", "line3 = 3;"))
    write(tree / "mm/crlf.c", TEXT.replace("line9;", "line9 = 9;").replace("\n", "\r\n"))
    write(tree / "mm/tail.c", TEXT.replace("line", "tai_line") + "--- a/x\n+++ b/x\n-- \n2.49.0")
    write(tree / "mm/strange.c", "a\x0cb\x0bc\u2028d\x85e\n\udcff\udcfe\n-- \n---\ndiff --git a/x b/x\n")
    git(tree, "add", "--all")
    git(
        tree, "commit", "--quiet", "--message", "mm: ändere\n\nFrom the start.\n\n" + "  diff --git a/x b/x\n"
    )
    git(tree, "mv", "mm/moved.c", "mm/went.c")
    git(tree, "mv", "mm/moved too.c", "mm/went too.c")
    write(tree / "mm/went too.c", (tree / "mm/went too.c").read_text().replace("line5;", "line5 = 5;"))
    write(tree / "mm/copy.c", (tree / "mm/copied.c").read_text() + "int more;\n")
    write(tree / "mm/copied.c", (tree / "mm/copied.c").read_text() + "int other;\n")
    write(tree / "mm/empty.c", "")
    (tree / "mm/gone.c").unlink()
    (tree / "mm/mode.c").chmod(0o755)
    (tree / "mm/link").unlink()
    (tree / "mm/link").symlink_to("copy.c")
    write(tree / "mm/picture.bin", bytes(range(255)) * 2)
    git(tree, "add", "--all")
    git(tree, "commit", "--quiet", "--message", "mm: move everything")
    return tree


def series_of(tree: Path, *options: str) -> Series:
    thread = read_thread(*read_messages(git(tree, "format-patch", "--stdout", *options, "HEAD~2.."), "test"))
    assert thread.problems == ()
    assert len(thread.series) == 1
    return thread.series[0]


def meant(tree: Path, commit: str, options: Sequence[str] = ()) -> list[tuple[str | None, str, str, str]]:
    """Old path, path, kind and new mode of each change of a commit, from git's raw output."""
    fields = (
        git(tree, "diff-tree", "-r", "--raw", "-z", "--no-commit-id", *options, commit).decode().split("\0")
    )
    found: list[tuple[str | None, str, str, str]] = []
    while fields and fields[0]:
        old_mode, new_mode, old, new, status = fields.pop(0)[1:].split(" ")
        path = fields.pop(0)
        target = fields.pop(0) if status[0] in "RC" else path
        kind = KINDS[status[0]]
        if "120000" in (old_mode, new_mode):
            kind = "symlink"
        elif target.endswith(".bin"):
            kind = "binary"
        elif status == "M" and old == new:
            kind = "mode"
        mode = new_mode if new_mode not in (old_mode, "000000") else ""
        found.append((None if status == "A" else path, target, kind, mode))
    return found


def read(files: Sequence[FileChange]) -> list[tuple[str | None, str, str, str]]:
    return [(change.old_path, change.path, change.kind, change.mode) for change in files]


@pytest.mark.parametrize(
    "options",
    [
        (), ("--attach",), ("--inline",), ("--no-prefix",), ("--src-prefix=old/", "--dst-prefix=new/"),
        ("--unified=0",), ("--unified=9",), ("--binary",), ("--full-index",), ("--no-signature",),
        ("--signature=two\n-- \nparts",),
        ("--no-stat",), ("--thread=deep",), ("--thread=shallow", "--cover-letter"), ("--numbered",), ("--rfc",),
        ("--base=HEAD~2",), ("--reroll-count=3",), ("--pretty=mboxrd",), ("--from=X <x@example.org>",), ("--patience",),
    ],
)  # fmt: skip
def test_forms_of_format_patch(tree: Path, options: tuple[str, ...]) -> None:
    series = series_of(tree, *options)
    first, second = series.patches
    assert (first.index, second.index, first.total) == (1, 2, 2)
    assert read(first.files) == meant(tree, "HEAD~1")
    assert read(second.files) == meant(tree, "HEAD", ["-M"])
    assert (first.author, first.title) == ("Jürgen Person <j@example.org>", "mm: ändere")
    assert first.changelog == ("From the start.", "", "  diff --git a/x b/x")
    assert series.revision == (3 if "--reroll-count=3" in options else 1)
    if not {"--unified=0", "--unified=9"}.intersection(options):
        assert first.files == series_of(tree).patches[0].files


@pytest.mark.parametrize("options", [("--no-renames",), ("-M",), ("-C",), ("-C", "-C")])
def test_renames_and_copies_as_git_finds_them(tree: Path, options: tuple[str, ...]) -> None:
    assert read(series_of(tree, *options).patches[1].files) == meant(tree, "HEAD", options)


@pytest.mark.parametrize(
    "form",
    [
        ("show", "HEAD~1", "HEAD"),
        ("log", "-p", "--stat", "HEAD~2.."),
        ("log", "-p", "--format=fuller", "HEAD~2.."),
    ],
)
def test_logs_are_read_as_the_patches_they_show(tree: Path, form: tuple[str, ...]) -> None:
    thread = read_thread(*read_messages(git(tree, *form), "test"))
    assert thread.problems == ()
    patches = thread.series[0].patches if form[0] == "log" else thread.series[0].patches[::-1]
    for patch, sent in zip(patches, series_of(tree).patches, strict=True):
        assert (patch.title, patch.author, patch.changelog) == (sent.title, sent.author, sent.changelog)
        assert patch.files == sent.files


def test_base_is_read(tree: Path) -> None:
    base = git(tree, "rev-parse", "HEAD~2").decode().strip()
    assert series_of(tree, "--base=HEAD~2").base_commit == base


def test_hunks_turn_the_old_file_into_the_new(tree: Path) -> None:
    for patch, commit in zip(series_of(tree).patches, ("HEAD~1", "HEAD"), strict=True):
        for change in patch.files:
            if change.kind in ("binary", "symlink", "mode", "submodule"):
                continue
            old = git(tree, "show", f"{commit}~1:{change.old_path}") if change.old_path else b""
            new = git(tree, "show", f"{commit}:{change.path}") if change.kind != "delete" else b""
            assert applied(old, change) == new


def applied(old: bytes, change: FileChange) -> bytes:
    """The hunks of a change laid over a file at exactly their line numbers."""
    lines = old.split(b"\n")
    lines = [line + b"\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])
    result: list[bytes] = []
    done = 0
    for hunk in change.hunks:
        start = hunk.old_start - (1 if hunk.old_count else 0)
        result += lines[done:start]
        for line in hunk.lines:
            content = line.text.encode("utf-8", "surrogateescape") + (b"\n" if line.newline else b"")
            if line.kind != "+":
                assert lines[line.old - 1] == content  # type: ignore[operator]
            if line.kind != "-":
                result.append(content)
        done = start + hunk.old_count
    return b"".join(result + lines[done:])
