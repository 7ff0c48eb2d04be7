"""The process that stays: the same bytes as without it, for its own user only, and none where it would be wrong."""

import os
import shutil
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from patchscan.serve import resident
from patchscan.serve.client import ALONE, TAKEN, is_for_resident, is_ours, program
from patchscan.serve.resident import request_of, stamp
from patchscan.serve.worktree import change_of, lines_of

ROOT = Path(__file__).parents[2]
SERIES = ROOT / "fixtures/series"
SCAN = ["--no-tree", "--no-simulate", str(SERIES / "collapse-without-sync/series.mbox")]
Environment = dict[str, str]


def run(words: list[str], environment: Environment, text: str = "", at: Path = ROOT) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "patchscan", *words],
        env=environment,
        input=text,
        capture_output=True,
        text=True,
        cwd=at,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """The environment of a user who has no resident."""
    home = str(tmp_path_factory.mktemp("home"))
    path = f"{ROOT}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
    return {"PATH": os.environ["PATH"], "HOME": home, "PYTHONPATH": path}


@pytest.fixture(scope="module")
def served(alone: Environment, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    """The same with a resident, and a count of what it ran in SERVED."""
    directory = tmp_path_factory.mktemp("run")
    directory.chmod(0o700)
    environment = {**alone, "XDG_RUNTIME_DIR": str(directory)}
    # A machine under load must not make a client run by itself.
    script = (
        "import sys; from patchscan.serve import resident;"
        "r = resident.Resident.answer_one;"
        "resident.Resident.answer_one = lambda self: (r(self), print(self.served, flush=True))[0];"
        "from patchscan.cli import main; sys.exit(main(['serve']))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr and "serving on" in process.stderr.readline()
        yield environment
        process.terminate()
    assert not (directory / "patchscan.sock").exists()


def ours(served: Environment, words: list[str], text: str = "", at: Path = ROOT) -> tuple[int, str, str]:
    """What a resident answers, which a client waits for however busy the machine is."""
    script = (
        "import sys; from patchscan.serve import client; client.PATIENCE = 60;"
        "status = client.answered(sys.argv[1:]);"
        "sys.exit(99 if status is None else status)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *words],
        env=served,
        input=text,
        capture_output=True,
        text=True,
        cwd=at,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(
    "words",
    [
        SCAN,
        [*SCAN, "--format", "json"],
        ["explain", "kernel-doc"],
        ["explain", "no-such"],
        ["none.mbox"],
        ["--bogus"],
    ],
    ids=["text", "json", "explain", "unknown rule", "no file", "wrong option"],
)
def test_the_same_bytes(words: list[str], alone: Environment, served: Environment) -> None:
    expected = run(words, alone)
    assert ours(served, words) == expected
    assert ours(served, words) == expected


def test_standard_input_and_the_working_directory_are_the_clients(
    alone: Environment, served: Environment, tmp_path: Path
) -> None:
    text = (SERIES / "collapse-without-sync/series.mbox").read_text()
    (tmp_path / "here.mbox").write_text(text)
    words = ["--no-tree", "--format", "concise"]
    expected = run([*words, "-"], alone, text)
    assert expected[1]
    assert ours(served, [*words, "-"], text) == expected
    assert ours(served, [*words, "here.mbox"], at=tmp_path)[1] == expected[1]


def test_a_file_that_changes_is_read_again(alone: Environment, served: Environment, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    shutil.copytree(ROOT / "fixtures/tree", tree)
    words = ["--tree", str(tree), "--no-simulate", "--format", "concise", SCAN[-1]]
    before = ours(served, words)
    assert before == run(words, alone)
    (tree / "mm/khugepaged.c").write_text("int nothing;\n")
    after = ours(served, words)
    assert after == run(words, alone)
    assert after != before


def test_the_environment_and_the_files_written_are_the_clients(served: Environment, tmp_path: Path) -> None:
    out = tmp_path / "report.txt"
    script = f"umask 027; exec {sys.executable} -c 'import sys; from patchscan.serve import client;" + (
        'client.PATIENCE = 60; sys.exit(client.answered(sys.argv[1:]))\' "$@"'
    )
    subprocess.run(
        ["sh", "-c", script, "sh", *SCAN, "-o", str(out)],
        env={**served, "COLUMNS": "60"},
        cwd=ROOT,
        check=False,
    )
    assert stat.S_IMODE(out.stat().st_mode) == 0o640


def test_the_socket_is_the_users_alone(served: Environment) -> None:
    path = Path(served["XDG_RUNTIME_DIR"]) / "patchscan.sock"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert is_ours(str(path))


def test_a_socket_that_others_can_reach_is_not_used(tmp_path: Path) -> None:
    path = tmp_path / "patchscan.sock"
    with socket.socket(socket.AF_UNIX) as end:
        end.bind(str(path))
        path.chmod(0o666)
        assert not is_ours(str(path))
        path.chmod(0o600)
        assert is_ours(str(path))
    path.unlink()
    path.write_text("")
    assert not is_ours(str(path))


def test_another_program_is_refused(served: Environment, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(ROOT / "patchscan", copy / "patchscan", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "rules", copy / "rules", ignore=shutil.ignore_patterns("__pycache__"))
    assert ours({**served, "PYTHONPATH": str(copy)}, SCAN, at=copy)[0] == 99
    assert program()[2] == str(ROOT / "patchscan")


@pytest.mark.parametrize(
    ("path", "another"),
    [
        ("patchscan/a.py", True),
        ("patchscan/room/new.py", True),
        ("rules/tables/rows.toml", True),
        ("rules/new.py", True),
        ("patchscan/__pycache__/a.cpython-311.pyc", False),
        ("patchscan/__pycache__/all.code", False),
        ("rules/compiled.rules", False),
        ("rules/tables/compiled.words.123", False),
    ],
)
def test_another_program_shows(
    path: str, another: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("patchscan/a.py", "patchscan/room/b.py", "rules/tables/rows.toml", "rules/compiled.rules"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    (tmp_path / "patchscan/__pycache__").mkdir()
    monkeypatch.setattr(resident, "program", lambda: ["", "", str(tmp_path / "patchscan")])
    before = stamp()
    assert stamp() == before
    (tmp_path / path).write_text("y")
    assert (stamp() != before) is another


def test_nonsense_on_the_socket_ends_with_its_sender(served: Environment) -> None:
    for data in (b"", b"x", b"\xff\xff\xff\xff", b"\0\0\0\2{}"):
        with socket.socket(socket.AF_UNIX) as end:
            end.connect(f"{served['XDG_RUNTIME_DIR']}/patchscan.sock")
            end.sendall(data)
            end.shutdown(socket.SHUT_WR)
            with suppress(ConnectionResetError):
                assert end.recv(1) == b""
    assert ours(served, ["explain", "kernel-doc"])[0] == 0


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"1\0/\0/p\00",
        b"1\0/\0/p\0x\00",
        b"1\0/\0/p\00\0-1",
        b"1\0/\0/p\00\x007\0a=b",
        b"1\0/\0/p\0512\x000",
        b"1\0/\0/p\00\x000\0no value",
        b"\xff" * 99,
        b"\0" * 99,
        b"1\0/\0/p\0" + b"9" * 5000 + b"\x000",
    ],
)
def test_what_is_no_request_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError):
        request_of(data)


def test_a_request_holds_any_bytes_that_a_command_line_can() -> None:
    request = request_of(b"1\0/\0/p\x0018\x002\0a\xff\n=\0\0B=c=\xfe\0D=")
    assert request.words == ["a\udcff\n=", ""]
    assert request.environment == {"B": "c=\udcfe", "D": ""}
    assert (request.program, request.mask) == (["1", "/", "/p"], 18)


def test_a_second_one_is_told_of_the_first(served: Environment) -> None:
    status, _, err = run(["serve"], served)
    assert (status, "another `patchscan serve` runs" in err) == (2, True)


def test_without_a_directory_of_ones_own_there_is_none(alone: Environment) -> None:
    status, _, err = run(["serve"], alone)
    assert (status, "XDG_RUNTIME_DIR is not set" in err) == (2, True)


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["a.mbox"], True),
        (["scan", "a.mbox"], True),
        (["a.mbox", "b.mbox", "--jobs", "2"], False),
        (["index", "tree"], False),
        (["serve"], False),
        (["--help"], False),
    ],
)
def test_what_is_handed_over(words: list[str], wanted: bool) -> None:
    assert is_for_resident(words) is wanted


def test_of_each_command_it_is_known_whether_it_is_handed_over() -> None:
    from patchscan.cli import COMMANDS

    assert {*TAKEN, *ALONE} == {*COMMANDS, "help"}
    assert {name for name in COMMANDS if is_for_resident([name])} == set(TAKEN)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"a\nb\nc\n", b"a\nx\nc\n"),
        (b"a\nb\nc", b"a\nb\nc\n"),
        (b"a\n" * 30, b"a\n" * 15 + b"b\n" + b"a\n" * 14),
        (b"", b"a\n"),
        (b"a\r\nb\n", b"a\r\nb\x0cc\n"),
        (b"x\n" * 9 + b"y\n" * 9, b"y\n" * 9 + b"x\n" * 9),
        (b"1\n2\n3\n4\n5\n6\n7\n8\n9\n", b"2\n3\n4\n5\n6\n7\n8\n9\n10\n"),
    ],
)
def test_an_edit_is_a_change_that_applies(before: bytes, after: bytes) -> None:
    from patchscan.diff.apply import apply_hunks

    change = change_of("a.c", before, after)
    assert change is not None
    applied = apply_hunks(before, change.hunks)
    assert (applied.content, set(applied.offsets), applied.remarks) == (after, {0}, ())
    assert "".join(lines_of(after)).encode() == after


def test_what_is_no_text_is_no_change() -> None:
    assert change_of("a.c", b"a\n", b"a\n") is None
    assert change_of("a.o", b"a\0", b"b\0") is None
    gone = change_of("a.c", b"a\n", None)
    assert gone is not None
    assert (gone.kind, gone.old_path) == ("delete", "a.c")
