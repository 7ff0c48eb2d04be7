"""The command line: exit statuses, one-line errors, commands that explain."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from patchscan.cli import main
from patchscan.rule import Rule
from patchscan.settling.registry import load_rule
from patchscan.testing import faults

ROOT = Path(__file__).parents[2]
TREE = str(ROOT / "fixtures" / "tree")
TARGETED = str(ROOT / "fixtures" / "series" / "targeted-ipi" / "series.mbox")
CLEAN = str(ROOT / "fixtures" / "series" / "clean" / "series.mbox")


def test_exit_statuses(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([CLEAN, "--tree", TREE]) == 0
    assert main([TARGETED, "--tree", TREE]) == 1
    # Patch 2 makes a model that was safe one that cannot be judged.
    assert main(["scan", TARGETED, "--tree", TREE, "--exit-zero"]) == 3
    assert main(["scan", TARGETED, "--tree", TREE, "--exit-zero", "--no-simulate"]) == 0
    assert main([TARGETED, "--no-tree", "--select", "missing-braces"]) == 0
    assert main([TARGETED, "--no-tree", "--select", "missing-braces", "--severity", "info"]) == 1
    assert main([str(ROOT / "no-such-file.mbox"), "--no-tree"]) == 2
    assert "no-such-file.mbox" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        [CLEAN, "--select", "no-such-rule"],
        [CLEAN, "--tree", "/no/such/tree"],
        ["why", CLEAN, "mm/gup.c"],
        ["syntax", "/no/such/file.c"],
        ["new-rule", "Not A Name"],
    ],
)
def test_a_wrong_call_is_one_line_on_stderr(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    error = capsys.readouterr().err
    assert error.startswith("patchscan: ") and error.count("\n") == 1


def test_output_goes_to_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "report.json"
    main([TARGETED, "--tree", TREE, "--format", "json", "-o", str(target)])
    assert target.read_text().startswith("{\n") and capsys.readouterr().out == ""


def test_why_names_every_rule(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["why", TARGETED, "--tree", TREE, "mm/mmu_gather.c:1"]) == 0
    answer = capsys.readouterr().out
    assert "nothing on this line that these rules judge: " in answer and "local-atomic-bitop" in answer


def test_rules_and_explain(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rules"]) == 0
    assert "missing-braces" in capsys.readouterr().out
    assert main(["explain", "missing-braces"]) == 0
    assert "Source: Documentation/process/coding-style.rst" in capsys.readouterr().out


def test_syntax_shows_masked_macros(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code = tmp_path / "a.c"
    code.write_text("void f(void)\n{\n\tfor_each_online_cpu(cpu)\n\t\tg(cpu);\n}\n")
    assert main(["syntax", f"{code}:f"]) == 0
    assert "while_statement for_each_online_cpu" in capsys.readouterr().out


def test_a_new_rule_is_a_rule_that_passes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new-rule", "odd-call", "--directory", str(tmp_path)]) == 0
    path = Path(capsys.readouterr().out.strip())
    rule = load_rule(str(path))
    assert isinstance(rule, Rule) and list(faults(rule)) == []
    assert main(["new-rule", "odd-call", "--directory", str(tmp_path)]) == 2
    assert main([CLEAN, "--tree", TREE, "--rules", str(tmp_path)]) == 0


def test_a_closed_pipe_ends_quietly() -> None:
    command = f"{sys.executable} -m patchscan rules | head -1"
    run = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stderr == "" and run.stdout.count("\n") == 1


def git(directory: Path, *words: str) -> None:
    identity = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    subprocess.run(["git", "-C", str(directory), *identity, *words], check=True, capture_output=True)


@pytest.mark.skipif(not shutil.which("git"), reason="git is not installed")
def test_a_git_range_is_judged_on_its_own_base(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(TREE, tmp_path / "linux")
    top = tmp_path / "linux"
    git(top, "init", "-q")
    git(top, "add", "-A")
    git(top, "commit", "-q", "-m", "base")
    for number in (1, 2):
        (top / "mm" / f"new{number}.c").write_text("int f(int a)\n{\n\tsmp_mb();\n\treturn a;\n}\n")
        git(top, "add", "-A")
        git(top, "commit", "-q", "-m", f"mm: add file {number}")
    monkeypatch.chdir(top)
    assert main(["HEAD~2..", "--format", "json", "--select", "barrier-comment"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert [each["path"] for each in report["findings"]] == ["mm/new1.c", "mm/new2.c"]
    assert all(file["used"] == "tree" for patch in report["series"]["patches"] for file in patch["files"])
