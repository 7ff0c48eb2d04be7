"""All ways to come to nothing: exit status and words, as the table in docs/nothing.rst has them."""

import errno
import gzip
import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from patchscan.basics.problem import Problem
from patchscan.basics.usage import FORMATS
from patchscan.cli import main
from patchscan.finding import Edit, Finding
from patchscan.mail import read_messages
from patchscan.mail.thread import read_thread
from patchscan.report.render import render
from patchscan.results import Report
from patchscan.rule import Rule
from patchscan.scan import scan

from tests.mails import DIFF, diff_for, mail, mbox

ROOT = Path(__file__).parent.parent
TREE = ROOT / "fixtures" / "tree"
ROW = re.compile(r"^   \* - (.+)\n     - (\d)\n     - ``(.+)``$", re.M)
ROWS = {
    found[1]: (int(found[2]), found[3]) for found in ROW.finditer((ROOT / "docs/nothing.rst").read_text())
}
LETTER = "Count them.\n\nSigned-off-by: A Person <a@example.org>\n---\n"
NEW_FILE = """\
diff --git a/mm/widget.c b/mm/widget.c
new file mode 100644
--- /dev/null
+++ b/mm/widget.c
@@ -0,0 +1 @@
+static int widgets;
"""
ODD_NAME = DIFF.replace("--- a/mm/widget.c", '--- "a/mm/wid\\nget.c"').replace(
    "+++ b/mm/widget.c", '+++ "b/mm/wid\\nget.c"'
)
DAMAGED = DIFF.replace("-10,4 +10,5", "-10,9 +10,9")
BRACES = DIFF.replace("+10,5", "+10,8").replace(
    "+\tcount++;\n", "+\tif (count) {\n+\t\tcount++;\n+\t}\n+\tcount--;\n"
)
RULE = """
from patchscan.rule import Finding, Rule

def check(context):
{}

RULE = Rule(name="odd-rule", summary="s", why="w", source="s", severity="warning", confidence="high",
            check=check, bad=("x",), good=("y",))
"""
# Commits for git to apply are no report: what was lost is told on standard error only.
REPORTS = [form for form in FORMATS if form != "fixups"]
ON_STDERR = {0: "", 3: "patchscan: not fully judged: ", 2: "patchscan: "}
QUIET = ["--select", "missing-braces,unneeded-braces"]


class Place:
    """A directory in which the words of a command line are made."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def write(self, name: str, content: str | bytes) -> str:
        path = self.directory / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(
            content if isinstance(content, bytes) else content.encode("utf-8", "surrogateescape")
        )
        return str(path)

    def series(self, *mails: str) -> str:
        return self.write("series.mbox", mbox(*mails))

    def patch(self, diff: str = DIFF) -> list[str]:
        return [self.series(mail("[PATCH] mm: count", LETTER + diff)), *QUIET, "--no-tree"]

    def rule(self, *lines: str) -> list[str]:
        text = RULE.format("\n".join(f"    {line}" for line in lines))
        return self.rule_file(text)

    def rule_file(self, text: str) -> list[str]:
        self.write("rules/odd_rule.py", text)
        return [
            *self.patch()[:1],
            "--no-tree",
            "--rules",
            str(self.directory / "rules"),
            "--ignore",
            "trailers",
        ]

    def configured(self, text: str, diff: str = DIFF) -> list[str]:
        return [*self.patch(diff)[:1], "--no-tree", "--config", self.write("c.toml", text)]


def older_revision_damaged(place: Place) -> list[str]:
    old = mail("[PATCH] mm: count", LETTER + DAMAGED, "1@x")
    new = mail("[PATCH v2] mm: count", LETTER + DIFF, "2@x", day=2)
    return [place.series(old, new), *QUIET, "--no-tree"]


def same_message_id(place: Place) -> list[str]:
    one, other = (mail("[PATCH] mm: count", LETTER + diff, "1@x") for diff in (DIFF, diff_for("mm/b.c")))
    return [place.series(one, other), *QUIET, "--no-tree"]


def without_a_diff(place: Place) -> list[str]:
    first = mail("[PATCH 1/2] mm: count", LETTER + DIFF, "1@x")
    second = mail("[PATCH 2/2] mm: more", "Only words.\n", "2@x", ["1@x"])
    return [place.series(first, second), *QUIET, "--no-tree"]


def one_file_missing(place: Place) -> list[str]:
    patch = place.write("1.patch", mail("[PATCH] mm: count", LETTER + DIFF))
    return [patch, str(place.directory / "2.patch"), *QUIET, "--no-tree"]


def cut_short(place: Place) -> list[str]:
    packed = gzip.compress(mbox(mail("[PATCH] mm: count", LETTER + DIFF)) + b"\n" * 99999, mtime=0)
    return [place.write("series.mbox.gz", packed[:-30]), *QUIET, "--no-tree"]


def merged(place: Place) -> list[str]:
    combined = (
        "diff --cc mm/b.c\nindex 1,2..3\n--- a/mm/b.c\n+++ b/mm/b.c\n@@@ -1,1 -1,1 +1,1 @@@\n++int b;\n"
    )
    return place.patch(DIFF + combined)


def no_tree_there(place: Place) -> list[str]:
    return [*place.patch()[:-1], "--tree", str(place.directory)]


def proof_lost(place: Place) -> list[str]:
    """A sum of an address, which the model cannot follow, where the fixture only leaves the waiting out."""
    series = (ROOT / "fixtures/series/collapse-without-sync/series.mbox").read_text()
    pmd = "+\tpmd_t old = pmdp_collapse_flush(vma, address, pmd);\n"
    sums = "+\tunsigned long sum = READ_ONCE(*(unsigned long *)pmd);\n+\n+\tsum = sum + sum;\n"
    sums += "+\tif (sum)\n+\t\treturn old;\n"
    series = series.replace("+34,17 @@", "+34,22 @@").replace(pmd, pmd + sums)
    return [place.write("series.mbox", series), "--tree", str(TREE), "--ignore", "file-habits"]


def no_patches(place: Place) -> list[str]:
    (place.directory / "empty").mkdir()
    return [str(place.directory / "empty"), "--no-tree"]


def named(name: str) -> str:
    return DIFF.replace("a/mm/widget.c", f"a/{name}").replace(
        "b/mm/widget.c", f"b/{name}"
    ) + NEW_FILE.replace("widget", "b")


WAYS: dict[str, Callable[[Place], list[str]]] = {
    "a clean patch on a tree": lambda at: [*at.patch(NEW_FILE)[:-1], "--tree", str(TREE)],
    "a clean patch without a tree": lambda at: at.patch(),
    "a patch that does not apply to the tree": lambda at: [*at.patch()[:-1], "--tree", str(TREE)],
    "a patch of a Devicetree schema": lambda at: at.patch(diff_for("Documentation/devicetree/bindings/a.yaml")),
    "a patch of a Devicetree binding that is no schema": lambda at: at.patch(
        diff_for("Documentation/devicetree/bindings/a.txt")
    ),
    "one patch of a series of three": lambda at: [
        at.series(mail("[PATCH 2/3] mm: count", LETTER + DIFF)),
        *QUIET,
        "--no-tree",
    ],
    "a configuration that turns rules off": lambda at: at.configured('ignore = ["missing-braces"]'),
    "every finding is set aside": lambda at: [
        *at.configured('[[for]]\npaths = ["mm/"]\nignore = ["unneeded-braces"]\n', BRACES),
        *QUIET,
    ],
    "a thread whose older revision is damaged": older_revision_damaged,
    "a hunk whose counts are wrong": lambda at: at.patch(DAMAGED),
    "a hunk for a file whose name holds a line end": lambda at: at.patch(ODD_NAME),
    "a hunk for a file outside the tree": lambda at: at.patch(named("../../etc/passwd")),
    "the combined diff of a merge beside a patch": merged,
    "a mail of the series that holds no diff": without_a_diff,
    "two mails with one Message-ID that differ": same_message_id,
    "one of two patch files of a series is not there": one_file_missing,
    "a compressed mailbox that is cut short": cut_short,
    "a rule that raises": lambda at: at.rule("1 / 0", "yield"),
    "a rule that calls sys.exit()": lambda at: at.rule("raise SystemExit(0)", "yield"),
    "a rule that prints": lambda at: at.rule("print('all is well')", "return ()"),
    "a rule that reports at no path": lambda at: at.rule("yield Finding(None, 1, 'wrong')"),
    "a rule that reports at line -1": lambda at: at.rule("yield Finding('mm/a.c', -1, 'wrong')"),
    "a rule that reports with a severity that there is not": lambda at: at.rule(
        "yield Finding('mm/a.c', 1, 'wrong', severity='bogus')"
    ),
    "a rule that yields what is no finding": lambda at: at.rule("yield 'odd'"),
    "a rule file that cannot be loaded": lambda at: at.rule_file("def check(:\n"),
    "a rule file that ends the process when it is loaded": lambda at: at.rule_file("raise SystemExit(0)\n"),
    "a rule file without a rule": lambda at: at.rule_file("RULE = 1\n"),
    "a directory of rules that is not there": lambda at: [*at.patch(), "--rules", str(at.directory / "none")],
    "a configuration that selects a rule that is not there": lambda at: at.configured(
        'select = ["no-such-rule", "missing-braces"]'
    ),
    "no rule is left to run": lambda at: at.configured('select = ["kernel-doc"]\nignore = ["kernel-doc"]'),
    "--tree names a directory that is no kernel tree": no_tree_there,
    "a patch after which a model that was safe cannot be judged": proof_lost,
    "a patch for another project": lambda at: at.patch(diff_for("tests/generic/001")),
    "an empty file": lambda at: [at.write("empty.mbox", ""), "--no-tree"],
    "a mail without a patch": lambda at: [at.series(mail("hello", "Hello.\n")), "--no-tree"],
    "a directory without patches": no_patches,
    "a file that is not there, alone or beside other inputs": lambda at: [str(at.directory / "none.mbox"), "--no-tree"],
    "a revision that is not there": lambda at: [*at.patch(), "--revision", "7"],
    "--select names a rule that is not there": lambda at: [*at.patch()[:1], "--select", "no-such-rule"],
    "--tree names nothing": lambda at: [*at.patch()[:1], "--tree", str(at.directory / "none")],
    "a git range that git does not know": lambda at: ["no-such..range", "--no-tree"],
}  # fmt: skip


def test_the_manual_and_the_tests_have_the_same_ways() -> None:
    assert list(ROWS) == list(WAYS)


@pytest.mark.parametrize("way", WAYS)
def test_a_way_to_come_to_nothing(way: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if way.startswith("a git range") and not shutil.which("git"):
        pytest.skip("git is not installed")
    status, words = ROWS[way]
    assert main(WAYS[way](Place(tmp_path))) == status
    told = capsys.readouterr()
    said = " ".join((told.out + told.err).split())
    assert " ".join(words.split()) in said
    assert "Traceback" not in said
    assert told.err.startswith(ON_STDERR[status]) and told.err.count("\n") == (status in (2, 3))
    assert ("not fully judged" in told.out.split("\n", 1)[0]) == (status == 3)


@pytest.mark.parametrize("command", ["scan", "model", "cost"])
@pytest.mark.parametrize("refused", ["mm/khugepaged.c", "mm"])
def test_a_file_of_the_tree_that_cannot_be_read_is_told(
    command: str, refused: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Root may read all, so the system's refusal is played."""
    at, real = os.path.join(os.path.realpath(TREE), refused), os.open

    def open_(path: str | bytes, *arguments: int, **more: int | None) -> int:
        if os.fsdecode(path).startswith(at):
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return real(path, *arguments, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "open", open_)
    series = ROOT / "fixtures/series/collapse-without-sync/series.mbox"
    assert main([command, str(series), "--tree", str(TREE)]) == 3
    why = "mm/khugepaged.c: the tree's file cannot be read: Permission denied; judged from its hunks"
    assert capsys.readouterr().err == f"patchscan: not fully judged: {why}\n"


@pytest.mark.parametrize("form", REPORTS)
def test_every_format_says_first_what_was_lost(
    form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = WAYS["a hunk whose counts are wrong"](Place(tmp_path))
    assert main([*words, "--format", form]) == 3
    out = capsys.readouterr().out
    head = out.split("<header>", 1)[1] if form == "html" else out
    top = " ".join("\n".join(head.split("\n")[:9]).split())
    assert "hunk 1 left out" in top and ("ot fully judged" in top or '"partly"' in top)


def test_json_gives_the_reasons(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = Place(tmp_path)
    main([*place.patch(DAMAGED), "--format", "json"])
    report = json.loads(capsys.readouterr().out)
    assert report["judged"] == "partly"
    assert ["hunk 1 left out" in each["message"] for each in report["not_judged"]] == [True]
    main([*place.patch(), "--format", "json"])
    report = json.loads(capsys.readouterr().out)
    assert (report["judged"], report["not_judged"]) == ("fully", [])
    assert report["coverage"]["reduced"][0].startswith("no kernel tree: models were not run")


def test_findings_win_over_what_was_lost(tmp_path: Path) -> None:
    words = Place(tmp_path).patch(DAMAGED + BRACES.replace("mm/widget.c", "mm/b.c"))
    assert main(words) == 3
    assert main([*words, "--severity", "info"]) == 1
    assert main([*words, "--severity", "info", "--exit-zero"]) == 3


def test_of_several_inputs_the_worst_counts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = Place(tmp_path)
    sound = place.write("sound.mbox", mbox(mail("[PATCH] mm: count", LETTER + DIFF)))
    damaged = [place.write(f"{n}.mbox", mbox(mail("[PATCH] mm: x", LETTER + DAMAGED))) for n in (1, 2)]
    assert main([damaged[0], sound, damaged[1], *QUIET, "--no-tree"]) == 3
    assert capsys.readouterr().err.endswith("; and so for 1 more of the inputs\n")
    assert main([damaged[0], str(tmp_path / "none.mbox"), *QUIET, "--no-tree"]) == 2


def test_a_failed_rule_shows_its_traceback_when_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = WAYS["a rule that raises"](Place(tmp_path))
    main([*words, "-v"])
    assert "odd_rule.py" in capsys.readouterr().out
    main(words)
    assert "odd_rule.py" not in capsys.readouterr().out


def odd(check: Callable[..., object]) -> Report:
    rules = [
        Rule(name, "s", "w", "s", "warning", "high", each, ("x",), ("y",))  # type: ignore[arg-type]
        for name, each in (("odd", check), ("sound", lambda context: [Finding("mm/widget.c", 13, "Found.")]))
    ]
    thread = read_thread(*read_messages(mbox(mail("[PATCH] mm: count", LETTER + DIFF)), "test"))
    return scan(thread, None, rules)


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise RuntimeError


def refuse(error: BaseException) -> object:
    raise error


def endless(depth: int = 0) -> int:
    return endless(depth + 1) + 1


@pytest.mark.parametrize(
    "check",
    [
        lambda context: None,
        lambda context: 7,
        lambda context: [None],
        lambda context: [7],
        lambda context: [Finding(b"mm/a.c", 1, "m")],  # type: ignore[arg-type]
        lambda context: [Finding("mm/a.c", "1", "m")],  # type: ignore[arg-type]
        lambda context: [Finding("mm/a.c", 10**5000, "m")],
        lambda context: [Finding("mm/a.c", True, "m")],
        lambda context: [Finding("mm/a.c", 1, "")],
        lambda context: [Finding("mm/a.c", 1, "m", ("mm/b.c", 1))],  # type: ignore[arg-type]
        lambda context: [Finding("mm/a.c", 1, "m", None)],  # type: ignore[arg-type]
        lambda context: [Finding("mm/a.c", 1, "m", confidence="sure")],  # type: ignore[arg-type]
        lambda context: [Finding("mm/a.c", 1, "m", fix=7)],  # type: ignore[arg-type]
        lambda context: [Finding("mm/a.c", 1, "m", fix=(Edit("mm/a.c", 1, ("a",), "b"),))],  # type: ignore[arg-type]
        lambda context: [Finding("mm/a.c", 1, "m", model=[])],  # type: ignore[arg-type]
        lambda context: refuse(Unspeakable()),
        lambda context: refuse(MemoryError()),
        lambda context: refuse(SystemExit("bye\n" * 999)),
        lambda context: endless(),
        lambda context: context.no_such_attribute,
    ],
)  # fmt: skip
def test_a_rule_that_goes_wrong_is_named_and_the_others_go_on(check: Callable[..., object]) -> None:
    report = odd(check)
    assert [each.rule for each in report.findings] == ["sound"]
    assert [each.where for each in report.judged.lost] == ["rule odd, patch 1"]
    assert "\n" not in report.judged.line and len(report.judged.line) < 500
    for form in REPORTS:
        if form != "mail":
            assert "rule odd, patch 1" in render(report, form)


def test_what_was_lost_without_a_series_is_all_that_went_wrong() -> None:
    report = scan(read_thread((), [Problem("a", "b")]), None, [])
    assert report.judged.word == "partly" and report.judged.lost
