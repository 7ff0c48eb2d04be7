"""Mechanical fixes: the diff of one finding, the patch of all, and what git makes of it."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from patchscan.cli import main
from patchscan.context import ChangedFile
from patchscan.diff.write import diff_of, edit_of
from patchscan.mail import read_messages
from patchscan.mail.thread import read_thread
from patchscan.results import Report
from patchscan.scan import scan
from patchscan.settling.fixes import fix_patch
from patchscan.settling.registry import load_rules
from patchscan.testing import MemoryTree
from patchscan.tree.overlay import FileState

from tests.commands.test_cli import TREE, git

RULES = tuple(rule for rule in load_rules()[0] if rule.name in ("missing-braces", "local-atomic-bitop"))
FAULTY = """\
static void count(const struct cpumask *all)
{
	struct cpumask mask;
	int cpu;

	cpumask_clear(&mask);
	for_each_cpu(cpu, all)
		if (cpu)
			cpumask_set_cpu(cpu, &mask);
	use(&mask);
}
"""
FIXED = FAULTY.replace(
    "all)\n\t\tif (cpu)\n\t\t\tcpumask_set", "all) {\n\t\tif (cpu)\n\t\t\t__cpumask_set"
).replace("&mask);\n\tuse", "&mask);\n\t}\n\tuse")


def mail(number: int, total: int, diff: str) -> str:
    return (
        "From a@b Thu Jan  1 00:00:00 1970\nFrom: A <a@example.org>\n"
        f"Subject: [PATCH {number}/{total}] mm: step {number}\n"
        f"Message-ID: <{number}@example.org>\n\nWhy.\n\nSigned-off-by: A <a@example.org>\n---\n{diff}-- \n2.49.0\n\n"
    )


def change(path: str, start: int, *lines: str) -> str:
    old = sum(line[:1] != "+" for line in lines)
    new = sum(line[:1] != "-" for line in lines)
    body = "".join(f"{line}\n" for line in lines)
    return f"diff --git a/{path} b/{path}\n--- a/{path}\n+++ b/{path}\n@@ -{start},{old} +{start},{new} @@\n{body}"


def creation(path: str, text: str) -> str:
    lines = text.splitlines()
    body = "".join(f"+{line}\n" for line in lines)
    head = f"diff --git a/{path} b/{path}\nnew file mode 100644\n--- /dev/null\n+++ b/{path}\n"
    return f"{head}@@ -0,0 +1,{len(lines)} @@\n{body}"


def report_on(*mails: str, tree: dict[str, bytes] | None = None) -> Report:
    messages, problems = read_messages("".join(mails).encode(), "test.mbox")
    found = MemoryTree("a tree", tree) if tree is not None else None
    return scan(read_thread(messages, problems), found, RULES)


def patched(tmp_path: Path, before: str, patch: str) -> str:
    """What git makes of a file by a patch; it refuses what does not apply exactly."""
    (tmp_path / "mm").mkdir(exist_ok=True)
    (tmp_path / "mm" / "a.c").write_text(before)
    (tmp_path / "fix.patch").write_text(patch)
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    subprocess.run(["git", "-C", str(tmp_path), "apply", "--whitespace=error-all", "fix.patch"], check=True)
    return (tmp_path / "mm" / "a.c").read_text()


pytestmark = pytest.mark.skipif(not shutil.which("git"), reason="git is not installed")


def test_two_fixes_of_neighbouring_lines_become_one_patch(tmp_path: Path) -> None:
    text, left_out = fix_patch(report_on(mail(1, 1, creation("mm/a.c", FAULTY))))
    assert left_out == () and patched(tmp_path, FAULTY, text) == FIXED


def test_fixes_stand_on_top_of_later_patches(tmp_path: Path) -> None:
    lines = FAULTY.splitlines()
    above = change("mm/a.c", 1, "+#include <linux/cpumask.h>", "+", *(f" {line}" for line in lines[:3]))
    final = "#include <linux/cpumask.h>\n\n" + FAULTY
    for tree in (None, {"mm/b.c": b""}):
        report = report_on(mail(1, 2, creation("mm/a.c", FAULTY)), mail(2, 2, above), tree=tree)
        text, left_out = fix_patch(report)
        assert left_out == ()
        assert patched(tmp_path, final, text) == "#include <linux/cpumask.h>\n\n" + FIXED


def test_a_later_patch_of_the_same_lines_keeps_the_fix_out() -> None:
    lines = FAULTY.splitlines()
    changed = ["+\tcpumask_clear(&mask); /* first */", *(f" {line}" for line in lines[6:9])]
    later = change("mm/a.c", 5, " ", f"-{lines[5]}", *changed)
    text, left_out = fix_patch(report_on(mail(1, 2, creation("mm/a.c", FAULTY)), mail(2, 2, later)))
    assert text == "" and {each.where.split()[2] for each in left_out} == {
        "missing-braces,",
        "local-atomic-bitop,",
    }


def test_a_tree_that_differs_by_an_offset(tmp_path: Path) -> None:
    before = "int first;\n" * 7 + "void f(void)\n{\n\twork();\n}\n"
    lines = FAULTY.splitlines()
    diff = change(
        "mm/a.c", 1, " void f(void)", " {", " \twork();", " }", "+", *(f"+{line}" for line in lines)
    )
    report = report_on(mail(1, 1, diff), tree={"mm/a.c": before.encode()})
    assert report.states[0].files[0].used == "tree"
    text, left_out = fix_patch(report)
    assert left_out == () and patched(tmp_path, before + "\n" + FAULTY, text) == before + "\n" + FIXED


def test_lines_that_are_not_known_get_no_fix() -> None:
    known = {4: "a", 5: "b", 6: "c", 9: "d"}
    assert diff_of((edit_of("mm/a.c", known, 5, 5, ["x", "y"], 10),)) == (
        "--- a/mm/a.c\n+++ b/mm/a.c\n@@ -14,3 +14,4 @@\n a\n-b\n+x\n+y\n c\n"
    )
    messages, _ = read_messages(mail(1, 1, creation("mm/a.c", "int a;\nint a_b, a;\n")).encode(), "x")
    (file,) = read_thread(messages, ()).series[0].patches[0].files
    changed = ChangedFile(FileState(file, "hunk", "no tree", None, None))
    assert changed.replacement(2, 3, "x") is None and changed.substitution(9, "a", "b") is None
    assert changed.substitution(2, "a", "x") is None and changed.substitution(1, "a", "x") is not None


def test_the_command_line_writes_a_patch_that_makes_the_findings_go(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    top = tmp_path / "linux"
    shutil.copytree(TREE, top)
    git(top, "init", "-q")
    git(top, "add", "-A")
    git(top, "commit", "-q", "-m", "base")
    (top / "mm" / "a.c").write_text(FAULTY)
    git(top, "add", "-A")
    git(top, "commit", "-q", "-s", "-m", "mm: count", "-m", "Why.")
    monkeypatch.chdir(top)
    words = ["--select", "missing-braces,local-atomic-bitop"]
    fix = str(tmp_path / "fix.patch")
    assert main(["HEAD~1..", *words, "--fix-patch", fix]) == 1
    git(top, "apply", "--index", fix)
    git(top, "commit", "-q", "-s", "-m", "mm: fix", "-m", "Why.")
    capsys.readouterr()
    assert main(["HEAD~2..", *words, "--format", "json"]) == 0
    findings = json.loads(capsys.readouterr().out)["findings"]
    assert {each["rule"]: each["repaired_by"] for each in findings} == {
        "missing-braces": 2,
        "local-atomic-bitop": 2,
    }
    assert main(["HEAD~1..", *words, "--fix-patch", fix]) == 0 and Path(fix).read_text() == ""


def test_a_fix_patch_is_of_one_series(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["a.mbox", "b.mbox", "--fix-patch", "x"]) == 2
    assert "one series" in capsys.readouterr().err
