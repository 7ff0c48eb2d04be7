"""`patchscan simulate`: what it prints, what it exits with."""

import argparse
import json
import subprocess
import sys
from pathlib import Path

import pytest
from patchscan.commands.simulate import add_arguments, run

FIXTURES = Path(__file__).parents[2] / "fixtures/litmus"


def simulate(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return run(parser.parse_args(arguments))


def write(directory: Path, name: str, text: str) -> str:
    file = directory / name
    file.write_text(text)
    return str(file)


MP = (FIXTURES / "mp-release-acquire.litmus").read_text()


def test_a_directory_gives_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert simulate(str(FIXTURES)) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1].endswith("; 0 not as expected")
    assert any("sb-mb.litmus" in line and "Never" in line for line in lines)


def test_json_is_one_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        simulate("--json", "--states", str(FIXTURES / "sb-mb.litmus"), str(FIXTURES / "sb-one-mb.litmus"))
        == 0
    )
    never, sometimes = map(json.loads, capsys.readouterr().out.splitlines())
    assert (never["outcome"], never["witness"], never["complete"]) == ("Never", None, True)
    assert never["states"] == ["0:r0=0; 1:r0=1;", "0:r0=1; 1:r0=0;", "0:r0=1; 1:r0=1;"]
    assert sometimes["outcome"] == "Sometimes"
    assert sometimes["witness"]["state"] == "0:r0=0; 1:r0=0;"
    assert {"name", "file", "outcome", "states", "flags", "witness", "complete"} <= set(sometimes)


@pytest.mark.parametrize(
    ("result", "body", "status"),
    [
        ("Sometimes", MP, 1),
        ("Never DATARACE", MP, 1),
        ("Maybe", MP, 0),
        ("Never", (FIXTURES / "mp-plain-race.litmus").read_text(), 1),
        ("Never DATARACE", (FIXTURES / "mp-plain-race.litmus").read_text(), 0),
        ("DEADLOCK", MP, 1),
        ("Never", (FIXTURES / "lock-self-deadlock.litmus").read_text(), 1),
    ],
)
def test_result_lines_are_judged_as_the_kernel_does(
    tmp_path: Path, result: str, body: str, status: int
) -> None:
    lines = [f" * Result: {result}" if line.startswith(" * Result:") else line for line in body.splitlines()]
    assert simulate(write(tmp_path, "t.litmus", "\n".join(lines))) == status


def test_no_execution_is_exit_status_1_without_a_result_line(tmp_path: Path) -> None:
    text = MP.replace(" * Result: Never\n", "") + "\n"
    assert simulate(write(tmp_path, "ok.litmus", text)) == 0
    assert simulate(write(tmp_path, "none.litmus", text.replace("exists", "filter (1:r0=9)\nexists"))) == 1


def test_malformed_files_are_named_and_the_rest_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = write(tmp_path, "bad\x1b[31m.litmus", MP.replace("WRITE_ONCE", "frobnicate"))
    good = write(tmp_path, "good.litmus", MP)
    assert simulate(bad, good, str(tmp_path / "missing.litmus")) == 2
    captured = capsys.readouterr()
    assert "frobnicate() is not a primitive" in captured.err
    assert ".litmus:13: " in captured.err
    assert "missing.litmus: cannot be read: No such file" in captured.err
    assert "\x1b" not in captured.err
    assert "good.litmus" in captured.out
    assert "Traceback" not in captured.err


def test_an_empty_directory_is_said_to_be_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert simulate(str(tmp_path)) == 2
    assert "no *.litmus file" in capsys.readouterr().err


def test_export_writes_files_that_run_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert simulate(str(FIXTURES / "domains"), "--export", str(tmp_path / "out")) == 0
    written = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert written == sorted(path.name for path in (FIXTURES / "domains").glob("*.litmus"))
    capsys.readouterr()
    assert simulate(str(tmp_path / "out")) == 0


def test_same_input_same_bytes(capsys: pytest.CaptureFixture[str]) -> None:
    outputs = set()
    for _ in range(2):
        simulate("--json", "--states", "--timeline", str(FIXTURES / "rcu-no-section.litmus"))
        outputs.add(capsys.readouterr().out)
    assert len(outputs) == 1


def test_nothing_heavy_is_loaded_for_a_small_test() -> None:
    code = (
        "import argparse, sys\n"
        "from patchscan.commands.simulate import add_arguments, run\n"
        "parser = argparse.ArgumentParser(); add_arguments(parser)\n"
        f"run(parser.parse_args([{str(FIXTURES / 'sb-mb.litmus')!r}]))\n"
        "heavy = {'rich', 'tree_sitter', 'unidiff', 'asyncio', 'xml', 'email'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=FIXTURES.parents[1], capture_output=True)
