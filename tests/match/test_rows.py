"""Rules that are rows: the tables are fresh, errors say where, and a user's own rows run like ours."""

import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from patchscan.basics.fields import as_dict
from patchscan.basics.problem import Problem
from patchscan.cli import main
from patchscan.commands.newrule import create_row
from patchscan.match.kept import KEPT, compiled_rules
from patchscan.match.row import Row
from patchscan.match.rowfile import read_rows
from patchscan.match.tablefiles import with_rows
from patchscan.rule import Rule
from patchscan.settling.registry import load_rules

ROOT = Path(__file__).parents[2]
TABLES = ROOT / "rules" / "tables"
FILES = with_rows(str(TABLES))
ROWS = [row for path in FILES for row in read_rows(path) if isinstance(row, Row)]


def test_every_row_of_ours_is_one() -> None:
    assert [each for path in FILES for each in read_rows(path) if isinstance(each, Problem)] == []
    assert {row.name for row in ROWS} <= {rule.name for rule in load_rules()[0]}


def test_what_is_kept_is_that_of_the_tables(tmp_path: Path) -> None:
    for path in FILES:
        shutil.copy(path, tmp_path)
    (anew, kept) = ([as_dict(rule) for rule in compiled_rules(str(tmp_path))] for _ in range(2))
    assert (tmp_path / KEPT).exists()
    assert [{**rule, "check": None} for rule in kept] == [{**rule, "check": None} for rule in anew]
    assert [rule["name"] for rule in kept] == [row.name for row in ROWS]


def names_in(directory: Path) -> list[str]:
    """The names of the rules that a directory of tables holds; a table that is wrong is told by its message."""
    return [each.name if isinstance(each, Rule) else each.message for each in compiled_rules(str(directory))]


def test_tables_are_read_anew_where_they_changed_or_nothing_can_be_kept(tmp_path: Path) -> None:
    create_row("odd-call", str(tmp_path))
    assert names_in(tmp_path) == ["odd-call"]
    table = tmp_path / "odd-call.toml"
    table.write_text(table.read_text().replace('"odd-call"', '"even-call"'))
    assert names_in(tmp_path) == ["even-call"]
    (tmp_path / KEPT).write_bytes(b"no marshal")
    assert names_in(tmp_path) == ["even-call"]


def test_a_new_row_runs_and_passes_its_own_test(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new-rule", "--row", "odd-call", "--directory", str(tmp_path)]) == 0
    assert main(["test-rules", str(tmp_path)]) == 0
    assert "1 rules, 0 faults" in capsys.readouterr().out
    assert main(["explain", "odd-call", "--rules", str(tmp_path)]) == 0
    assert "some_function" in capsys.readouterr().out


def test_examples_that_do_otherwise_are_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = create_row("odd-call", str(tmp_path))
    path.write_text(path.read_text().replace("(part, 1)", "(part, 0)"))
    assert main(["test-rules", str(tmp_path)]) == 2
    assert "good example 1" in capsys.readouterr().err
    assert main(["test-rules", str(tmp_path / "nowhere")]) == 2


@pytest.mark.parametrize(
    ("old", "new", "line", "column", "said"),
    [
        ('find = ["some_function($X, 0);"]', 'find = ["some_function($X, 0;"]', 7, 10, "it is no C"),
        ('find = ["some_function($X, 0);"]', 'find = ["$X;"]', 7, 10, "no word to search by"),
        ('X = "simple"', 'X = "simpel"', 9, 16, "there is no condition simpel: it is one of"),
        ('X = "simple"', 'Y = "simple"', 9, 11, "no pattern has a hole $Y"),
        ('X = "simple"', 'X = "below"', 9, 16, "below wants an argument"),
        ('X = "simple"', "X = 3", 9, 11, "is a condition or a list of names"),
        ("message = ", "masage = ", 10, 1, "there is no field masage: it is one of"),
        ("with $X and", "with $Y and", 10, 35, "no pattern has a hole $Y"),
        ('replace = "another', "replace = 3 #", 11, 1, "replace must be a text or list"),
        (
            'replace = "another_function($X);"',
            'replace = ["a", "b"]',
            11,
            1,
            "one for each of the 1 patterns",
        ),
        ('summary = "One line: what is wrong"', "", 4, 1, "the row has no summary"),
    ],
)
def test_what_is_wrong_with_a_row_is_said_with_its_place(
    old: str, new: str, line: int, column: int, said: str, tmp_path: Path
) -> None:
    path = create_row("odd-call", str(tmp_path))
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    (problem,) = read_rows(str(path))
    assert isinstance(problem, Problem)
    assert problem.where == f"{path}:{line}:{column}" and said in problem.message
    assert "\n" not in problem.message


def test_a_table_that_is_no_toml_or_holds_no_row(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text("[[row]\n")
    (tmp_path / "b.toml").write_text("x = 1\n")
    (tmp_path / "c.toml").write_bytes(b"\xff\xfe")
    rules, problems = load_rules([str(tmp_path)])
    said = {os.path.basename(each.where): each.message for each in problems}
    assert set(said) == {"a.toml", "b.toml", "c.toml"} and len(rules) > len(ROWS)
    assert "line 1" in said["a.toml"] and "[[row]]" in said["b.toml"]


def records() -> list[dict[str, str]]:
    """rows.tsv: what each row says in 2000 merged files (1000: idioms.toml), and how what was read is judged.

    Of what was read some stands in further files of the tree: it may be more than the 2000 hold. What was read last is
    kept in judged.tsv, as said of the series "merged".
    """
    lines = (ROOT / "tests" / "rows.tsv").read_text().splitlines()
    return [dict(zip(lines[0].split("\t"), line.split("\t"), strict=True)) for line in lines[1:]]


def test_every_row_has_its_record() -> None:
    assert [each["row"] for each in records()] == sorted(row.name for row in ROWS)


def test_a_row_that_is_often_wrong_is_off() -> None:
    defaults = {row.name: row.default for row in ROWS}
    for each in records():
        right, others = int(each["right"]), int(each["arguable"]) + int(each["wrong"])
        assert defaults[each["row"]] == "off" or right >= 9 * others, each


def test_what_is_off_has_its_reason() -> None:
    off = {row.name for row in ROWS if row.default == "off"}
    assert {each["row"] for each in records() if each["remark"].startswith("off: ")} == off


def test_what_wakes_no_row_loads_none_of_what_matches(tmp_path: Path) -> None:
    code = (
        "import sys; from patchscan.settling.registry import load_rules; "
        "assert len(load_rules()[0]) > 100; print(*(each for each in sys.modules if '.match.' in each))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    loaded = set(done.stdout.split())
    assert "patchscan.match.row" in loaded and not loaded & {
        "patchscan.match.check",
        "patchscan.match.matching",
    }


def test_the_readings_that_are_kept_are_in_the_record() -> None:
    kept: Counter[tuple[str, str]] = Counter()
    for line in (ROOT / "tests" / "judged.tsv").read_text().splitlines()[1:]:
        series, _, _, row, _, judgement, reason = line.split("\t")
        assert reason
        kept.update([(row, judgement)] if series == "merged" else [])
    counted = {
        (each["row"], kind): int(each[kind]) for each in records() for kind in ("right", "arguable", "wrong")
    }
    assert kept and {each: count for each, count in kept.items() if count > counted[each]} == {}
