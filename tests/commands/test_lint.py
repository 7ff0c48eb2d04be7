"""Whole files of a tree read as new."""

import json
import os
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from patchscan import wholefile
from patchscan.cli import main

from tests.commands.test_cli import TREE
from tests.report.test_formats import SCHEMA

BRACES = "int f(int a)\n{\n\tsmp_mb();\n\treturn a;\n}\n"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A small kernel tree: one file of the kernel, one of its tools, a link, and no C."""
    for name, text in {
        "Makefile": "VERSION = 6\nPATCHLEVEL = 12\nSUBLEVEL = 0\n",
        "Kconfig": "",
        "mm/a.c": BRACES,
        "mm/b.h": "int f(int a);\n",
        "mm/notes.txt": "smp_mb();\n",
        "tools/c.c": BRACES,
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "mm/linked.c").symlink_to("a.c")
    return tmp_path


def concise(capsys: pytest.CaptureFixture[str], *words: str) -> list[str]:
    main(["lint", "--format", "concise", "--select", "barrier-comment", *words])
    return capsys.readouterr().out.splitlines()


def test_every_line_counts_as_added(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lint", "--select", "barrier-comment", "--format", "concise", str(tree / "mm/a.c")]) == 1
    (found,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("mm/")]
    assert found.startswith("mm/a.c:3: warning: barrier-comment: ")
    assert "[patch" not in found


def test_what_is_not_read_is_told(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = concise(capsys, str(tree))
    assert f"{tree}/mm/linked.c: problem: not read: it is a link" in lines
    assert "tools/c.c: problem: not read, being no code of the kernel itself: 1 file" in lines
    assert not [line for line in lines if "notes.txt" in line]


def test_a_named_file_is_read_whatever_it_is_called(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = read_json(capsys, str(tree / "mm/notes.txt"))
    assert report["coverage"]["functions"] == 0
    assert report["judged"] == "fully"


@pytest.mark.skipif(not os.geteuid(), reason="root reads everything")
def test_a_file_that_cannot_be_read_asks_for_status_3(tree: Path) -> None:
    (tree / "mm/b.h").chmod(0)
    assert main(["lint", "--select", "kernel-doc", str(tree / "mm")]) == 3


def test_a_file_that_is_too_large_asks_for_status_3(
    tree: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("patchscan.basics.files.MOST_OF_TREE", 20)
    assert main(["lint", "--select", "kernel-doc", str(tree / "mm")]) == 3
    out, err = capsys.readouterr()
    assert "mm/a.c: " in out
    assert "not judged" in err or "mm/a.c" in err


def test_a_place_that_is_not_there_or_outside(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lint", str(tree / "none.c")]) == 2
    assert main(["lint", "--exit-zero", str(tree / "mm/a.c"), str(Path(__file__))]) == 3
    # The report is wrapped, where depends on the length of the paths.
    assert "it lies outside the tree" in " ".join(capsys.readouterr().out.split())


def read_json(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    main(["lint", "--format", "json", *words])
    report: dict[str, Any] = json.loads(capsys.readouterr().out)
    jsonschema.validate(report, SCHEMA)
    return report


def test_one_job_and_two_say_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    one, two = (read_json(capsys, "--jobs", jobs, f"{TREE}/mm") for jobs in "12")
    assert one == two
    assert one["findings"]


def test_a_worker_that_dies_loses_its_file_only(
    tree: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def deadly(path: str, *more: Any) -> Any:
        if path == "mm/b.h":
            os._exit(9)
        return judge_file(path, *more)

    judge_file = wholefile.judge_file
    monkeypatch.setattr(wholefile, "judge_file", deadly)
    assert main(["lint", "--jobs", "2", "--format", "concise", "--exit-zero", str(tree / "mm")]) == 3
    out = capsys.readouterr().out
    assert "mm/b.h: problem: its process ended before it was judged (exit code 9)" in out
    assert "mm/a.c:3: warning: barrier-comment: " in out


def test_sarif_names_the_lines(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["lint", "--format", "sarif", "--select", "barrier-comment", str(tree / "mm")])
    (result,) = json.loads(capsys.readouterr().out)["runs"][0]["results"]
    place = result["locations"][0]["physicalLocation"]
    assert (place["artifactLocation"]["uri"], place["region"]["startLine"]) == ("mm/a.c", 3)


def test_the_tree_answers_where_it_is_named(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = BRACES.replace("f(", "g(") + "EXPORT_SYMBOL(g);\n"
    (tree / "mm/a.c").write_text(text)
    words = ("--select", "unneeded-export", str(tree / "mm/a.c"))
    assert read_json(capsys, *words)["findings"] == []
    (found,) = read_json(capsys, "--tree", str(tree), *words)["findings"]
    assert (found["path"], found["line"]) == ("mm/a.c", 6)


def test_who_uses_a_file_that_is_there_is_not_known_without_the_tree(
    tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tree / "mm/a.c").write_text(
        "const int limits[2] = { 1, 2 };\n\nint f(int a)\n{\n\treturn limits[a];\n}\n"
    )
    report = read_json(capsys, "--select", "should-be-static", str(tree / "mm/a.c"))
    assert report["findings"] == []
    assert [each["why"] for each in report["coverage"]["skipped"]] == [
        "no kernel tree: the users of limits are not known"
    ]
