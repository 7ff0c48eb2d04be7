"""`patchscan cost`: table, JSON, picture, and input that cannot be used."""

import json
import os
from pathlib import Path
from xml.etree import ElementTree

import pytest
from patchscan.cli import main

from tests.cost.schemes import FILE


def test_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cost", str(FILE), "--cpus", "2,8", "--runs", "2"]) == 0
    shown = capsys.readouterr().out
    rows = [line.split() for line in shown.splitlines() if line.startswith("  broadcast ")]
    assert [row[1] for row in rows if row[0] == "broadcast"] == ["4", "4", "28", "28"]
    assert "estimated" in shown and "gup_fast_call: 2.98 us, calibrated, 2026-02-02" in shown
    assert "pmd_off() at mm/khugepaged.c:8" in shown


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cost", str(FILE), "--cpus", "8", "--runs", "0", "--json", "--growth"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["schema"] == 1 and not found["problems"]
    (row,) = found["rows"]
    assert row["workload"]["cpus"] == 8
    figures = {
        (scheme["scheme"], figure["name"]): figure
        for scheme in row["schemes"]
        for figure in scheme["figures"]
    }
    assert figures["broadcast", "IPIs sent"]["low"] == 28
    assert figures["broadcast", "IPIs sent"]["kind"] == "counted"
    assert {each["scheme"]: each["order"] for each in found["growth"]}["targeted"] == "tables x walkers"


def test_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "cost.svg"
    assert main(["cost", str(FILE), "--cpus", "2", "--runs", "0", "--plot", str(file)]) == 0
    root = ElementTree.fromstring(file.read_text())
    space = "{http://www.w3.org/2000/svg}"
    assert len(root.findall(f"{space}polyline")) == 12
    texts = [text.text or "" for text in root.iter(f"{space}text")]
    assert any(text.startswith("one broadcast per batch") for text in texts)
    places = [float(text.get("y", "0")) for text in root.iter(f"{space}text") if "(" in (text.text or "")]
    assert min(abs(one - other) for one in places for other in places if one is not other) > 10


def test_a_scheme_that_cannot_be_lowered_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = FILE.read_text().replace("../schemes/tree", str(FILE.parent.parent / "schemes" / "tree"))
    file = tmp_path / "schemes.toml"
    file.write_text(text + '\n[[scheme]]\nname = "gone"\nupdate = ["mm/gone.c:wait_for_walkers"]\n')
    assert main(["cost", str(file), "--cpus", "2", "--runs", "0"]) == 2
    shown = capsys.readouterr().out
    assert "gone: not lowered, so not counted: mm/gone.c has no function wait_for_walkers" in shown
    assert "  broadcast " in shown


@pytest.mark.skipif("PATCHSCAN_KERNEL_TREE" not in os.environ, reason="needs PATCHSCAN_KERNEL_TREE")
def test_the_code_of_a_kernel_tree(capsys: pytest.CaptureFixture[str]) -> None:
    """6.12 interrupts every CPU for a collapse; schemes that are not in it are not counted under their names."""
    words = ["--cpus", "8", "--runs", "0", "--tables", "2", "--json"]
    assert main(["cost", str(FILE), "--tree", os.environ["PATCHSCAN_KERNEL_TREE"], *words]) == 2
    found = json.loads(capsys.readouterr().out)
    (row,) = found["rows"]
    ipis = {each["scheme"]: each["figures"][0]["low"] for each in row["schemes"]}
    assert ipis["broadcast"] == 14
    assert "targeted" not in ipis and "RCU wait" not in ipis
    assert any(text.startswith("targeted: not lowered") for text in found["problems"])
    assert found["capacity"]["tables"] == 509


@pytest.mark.parametrize(
    "words",
    [
        ["cost", "nowhere.toml"],
        ["cost", str(FILE), "--cpus", "0"],
        ["cost", str(FILE), "--cpus", "8,x"],
        ["cost", str(FILE), "--tables", "0"],
        ["cost", str(FILE), "--tables", "100000000"],
        ["cost", str(FILE), "--constants", "nowhere.toml"],
        ["cost", str(Path(__file__))],
    ],
)
def test_input_that_cannot_be_used(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    told = capsys.readouterr().err
    assert told.startswith("patchscan: ") and len(told.splitlines()) == 1
