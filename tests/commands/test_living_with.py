"""Configuration, notes in the mail, the baseline, statistics and timings: findings that are set aside with a reason."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from patchscan.basics.usage import UsageError
from patchscan.cli import main
from patchscan.settling.config import find_config, read_config
from patchscan.tree.maintainers import matches, section_patterns

from tests.commands.test_cli import TREE
from tests.report.test_formats import SCHEMA

MAIL = """\
From: Eve <eve@example.org>
Subject: [PATCH{revision}] mm: count down
Message-ID: <{number}@example.org>

It counts down.

Signed-off-by: Eve <eve@example.org>
---
{note}
 mm/a.c | 3 +++

diff --git a/mm/a.c b/mm/a.c
--- a/mm/a.c
+++ b/mm/a.c
@@ -{line},3 +{line},6 @@
 void f(int a)
 {{
+	smp_mb();
+	if (a)
+		f(a);
 }}
-- 
2.49.0
"""
Scan = Callable[..., dict[str, Any]]


def mail(note: str = "", revision: str = "", line: int = 1) -> str:
    return MAIL.format(note=note, revision=revision, number=line, line=line)


@pytest.fixture
def scan_json(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Scan:
    """Scans a mail as the command line does; the user's own settings stay out."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "none"))
    monkeypatch.setenv("HOME", str(tmp_path / "none"))

    def run(text: str, *words: str, status: int = 0) -> dict[str, Any]:
        place = tmp_path / "series.mbox"
        place.write_text(text)
        tree = [] if "--tree" in words else ["--no-tree"]
        assert main([str(place), *tree, "--format", "json", *words]) == status, capsys.readouterr().out
        data: dict[str, Any] = json.loads(capsys.readouterr().out)
        jsonschema.validate(data, SCHEMA)
        return data

    return run


def only(data: dict[str, Any]) -> dict[str, Any]:
    (finding,) = data["findings"]
    return dict(finding)


def config(directory: Path, text: str) -> str:
    path = directory / ".patchscan.toml"
    path.write_text(text)
    return str(path)


def test_the_mail_fails_without_settings(scan_json: Scan) -> None:
    assert only(scan_json(mail(), status=1))["suppressed"] is None


def test_ignore_and_select_choose_rules(scan_json: Scan, tmp_path: Path) -> None:
    path = config(tmp_path, 'ignore = ["barrier-comment"]')
    assert scan_json(mail(), "--config", path)["findings"] == []
    data = scan_json(mail(), "--config", path, "--select", "barrier-comment", status=1)
    assert data["coverage"]["rules_run"] == ["barrier-comment"]
    path = config(tmp_path, 'select = ["trailers", "kernel-doc"]')
    data = scan_json(mail(), "--config", path, "--ignore", "kernel-doc")
    assert data["coverage"]["rules_run"] == ["trailers"]


def test_severity_can_be_changed(scan_json: Scan, tmp_path: Path) -> None:
    path = config(tmp_path, '[severity]\nbarrier-comment = "info"\n')
    assert only(scan_json(mail(), "--config", path))["severity"] == "info"
    path = config(
        tmp_path,
        'severity = { barrier-comment = "info" }\n[[for]]\npaths = ["mm/"]\nseverity = { barrier-comment = "error" }\n',
    )
    assert only(scan_json(mail(), "--config", path, "--severity", "error", status=1))["severity"] == "error"


@pytest.mark.parametrize("pattern", ["mm/", "mm/a.c", "mm/*.c", "*/a.c", "mm/?.c"])
def test_a_path_can_be_left_out_with_its_reason(scan_json: Scan, tmp_path: Path, pattern: str) -> None:
    path = config(tmp_path, f'[[for]]\npaths = ["{pattern}"]\nignore = ["barrier-comment"]\n')
    assert (
        only(scan_json(mail(), "--config", path))["suppressed"] == f".patchscan.toml ignores it for {pattern}"
    )


@pytest.mark.parametrize("pattern", ["m/", "*.c", "mm", "fs/*", "mm/b.c"])
def test_other_paths_are_not_left_out(scan_json: Scan, tmp_path: Path, pattern: str) -> None:
    path = config(tmp_path, f'[[for]]\npaths = ["{pattern}"]\nignore = ["barrier-comment"]\n')
    assert only(scan_json(mail(), "--config", path, status=1))["suppressed"] is None


def test_a_subsystem_is_a_section_of_maintainers(scan_json: Scan, tmp_path: Path) -> None:
    text = '[[for]]\nsubsystem = "Lockless page table walks"\nignore = ["barrier-comment"]\n'
    path = config(tmp_path, text)
    found = only(scan_json(mail(), "--config", path, "--tree", TREE))
    assert found["suppressed"] == ".patchscan.toml ignores it for Lockless page table walks"
    data = scan_json(mail(), "--config", path, status=1)
    assert any("takes a tree" in each["message"] for each in data["problems"])
    path = config(tmp_path, text.replace("Lockless", "Locked"))
    data = scan_json(mail(), "--config", path, "--tree", TREE, status=1)
    assert any("no such section" in each["message"] for each in data["problems"])


def test_patterns_of_maintainers() -> None:
    text = b"3C59X NETWORK\nM:\tA <a@example.org>\nF:\tdrivers/net/\nF:\tinclude/*/net.h\n\nOTHER\nF:\tmm/\n"
    assert section_patterns(text, "3c59x network") == ("drivers/net/", "include/*/net.h")
    assert section_patterns(text, "OTHER") == ("mm/",) and section_patterns(text, "F:\tmm/") is None
    assert matches("drivers/net/a/b.c", ["drivers/net/"]) and not matches("drivers/netty.c", ["drivers/net/"])
    assert matches("include/x/net.h", ["include/*/net.h"]) and not matches(
        "include/x/y/net.h", ["include/*/net.h"]
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('selcet = ["x"]', "selcet"),
        ("ignore = 3", "ignore wants a list"),
        ("ignore = [1]", "ignore wants a list"),
        ('[severity]\nx = "fatal"', "a level is one of info, warning, error"),
        ("baseline = 1", "baseline wants a string"),
        ("[[for]]\nignore = []", "names either paths or a subsystem"),
        ('[[for]]\npaths = ["mm/"]\nsubsystem = "X"', "names either paths or a subsystem"),
        ("[[for]]\npath = []", "path"),
        ("options = 1", "a table a rule"),
        ("= 3", "not TOML"),
    ],
)
def test_a_slip_in_the_file_is_one_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_config(config(tmp_path, text))
    assert said in str(caught.value) and str(caught.value).count("\n") == 0
    assert str(tmp_path) in str(caught.value)


def test_a_rule_that_is_not_there_is_named(scan_json: Scan, tmp_path: Path) -> None:
    path = config(tmp_path, 'ignore = ["no-such-rule"]')
    assert "no-such-rule" in scan_json(mail(), "--config", path, status=1)["problems"][0]["message"]


def test_options_reach_their_rule(scan_json: Scan, tmp_path: Path) -> None:
    text = '[options.unconverted-callers]\nfunctions = { f = "use g()" }\n'
    words = ["--select", "unconverted-callers"]
    assert scan_json(mail(), *words)["findings"] == []
    found = only(scan_json(mail(), *words, "--config", config(tmp_path, text), status=1))
    assert "use g()" in found["message"]


def test_the_file_of_the_tree_goes_before_the_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    for name in ("tree", "config", "."):
        (tmp_path / name).mkdir(exist_ok=True)
    assert find_config(str(tmp_path / "tree")) is None
    for name in (".", "config", "tree"):
        written = config(tmp_path / name, "")
        found = find_config(str(tmp_path / "tree"))
        assert found is not None and Path(found) == Path(written)


def test_the_tree_we_name_brings_its_settings(scan_json: Scan, tmp_path: Path) -> None:
    shutil.copytree(TREE, tmp_path / "linux")
    config(tmp_path / "linux", 'ignore = ["barrier-comment"]')
    assert scan_json(mail(), "--tree", str(tmp_path / "linux"))["findings"] == []


def test_a_note_in_the_mail_sets_aside_what_it_names(scan_json: Scan) -> None:
    found = only(scan_json(mail("patchscan: ignore barrier-comment: the macro wants it so")))
    assert found["suppressed"] == "note in the mail: the macro wants it so"
    found = only(scan_json(mail("patchscan: ignore unneeded-braces: other rule"), status=1))
    assert found["suppressed"] is None


@pytest.mark.parametrize(
    "note", ["patchscan: ignore barrier-comment", "patchscan: ignore barrier-coment: why"]
)
def test_a_note_that_cannot_be_followed_is_said(scan_json: Scan, note: str) -> None:
    data = scan_json(mail(note), status=1)
    assert only(data)["suppressed"] is None and data["problems"][0]["where"].startswith("patch 1, note on")


def test_a_note_in_the_changelog_is_no_note(scan_json: Scan) -> None:
    note = "patchscan: ignore barrier-comment: hidden in history"
    text = mail().replace("It counts down.", f"It counts down.\n\n{note}\n\nAnd on.")
    assert only(scan_json(text, status=1))["suppressed"] is None


def test_the_baseline_survives_a_rebase_and_a_new_revision(scan_json: Scan, tmp_path: Path) -> None:
    known = str(tmp_path / "known.toml")
    accepted = scan_json(mail(), "--baseline", known, "--accept", 'as agreed in "<3@example.org>"')
    assert only(accepted)["suppressed"] == 'known: as agreed in "<3@example.org>"'
    later = only(scan_json(mail("v2: rebased", " v2", 400), "--baseline", known))
    assert later["suppressed"] == 'known: as agreed in "<3@example.org>"' and later["line"] == 402
    other = mail().replace("smp_mb()", "smp_wmb()")
    assert only(scan_json(other, "--baseline", known, status=1))["suppressed"] is None
    before = Path(known).read_text()
    scan_json(mail(), "--baseline", known, "--accept", "once more")
    assert Path(known).read_text() == before


def test_the_configuration_names_the_baseline_beside_it(scan_json: Scan, tmp_path: Path) -> None:
    (tmp_path / "settings").mkdir()
    path = config(tmp_path / "settings", 'baseline = "known.toml"')
    scan_json(mail(), "--config", path, "--accept", "first run")
    assert (tmp_path / "settings" / "known.toml").exists()
    assert only(scan_json(mail(), "--config", path))["suppressed"] == "known: first run"


@pytest.mark.parametrize(
    "text", ["[[known]]\nfingerprint = 'a'", "known = 3", "[[known]]\nreason = 'a'", "x ="]
)
def test_a_bad_baseline_is_one_line(tmp_path: Path, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "known.toml").write_text(text)
    (tmp_path / "series.mbox").write_text(mail())
    words = [str(tmp_path / "series.mbox"), "--no-tree", "--baseline", str(tmp_path / "known.toml")]
    assert main(words) == 2 and capsys.readouterr().err.count("\n") == 1


def test_what_is_set_aside_is_counted_and_shown_on_request(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    series = tmp_path / "series.mbox"
    series.write_text(mail("patchscan: ignore barrier-comment: the macro wants it so"))
    words = [str(series), "--no-tree"]
    for form in ("text", "concise", "github", "markdown", "b4", "mail"):
        assert main([*words, "--format", form]) == 0
        out = capsys.readouterr().out
        assert "barrier-comment" not in out and ("1 set aside" in out) is (form in ("text", "markdown"))
    assert main([*words, "-v"]) == 0
    assert "barrier-comment: note in the mail: the macro wants it so" in capsys.readouterr().out
    main([*words, "--format", "sarif"])
    run = json.loads(capsys.readouterr().out)["runs"][0]
    assert run["results"][0]["suppressions"][0]["justification"].endswith("the macro wants it so")


def test_quiet_prints_findings_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    series = tmp_path / "series.mbox"
    series.write_text(mail())
    assert main([str(series), "--no-tree", "-q"]) == 1
    out = capsys.readouterr().out
    assert "barrier-comment" in out and "functions" not in out and "Not checked" not in out


def test_statistics_count_all_inputs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number in (1, 2):
        (tmp_path / f"{number}.mbox").write_text(mail(line=number))
    words = [str(tmp_path / "1.mbox"), str(tmp_path / "2.mbox"), "--no-tree", "--statistics"]
    main(words)
    assert capsys.readouterr().out.splitlines()[-1].split() == ["barrier-comment", "2", "0"]
    main([*words, "--format", "concise", "--jobs", "2"])
    captured = capsys.readouterr()
    assert "set aside" not in captured.out and captured.err.splitlines()[-1].split() == [
        "barrier-comment",
        "2",
        "0",
    ]


def test_seconds_appear_only_when_asked_for(scan_json: Scan) -> None:
    assert "timings" not in scan_json(mail(), status=1)
    seconds = scan_json(mail(), "--timings", status=1)["timings"]
    assert {"read", "judge", "barrier-comment"} <= set(seconds)
    assert sum(value for name, value in seconds.items() if name not in ("read", "judge")) <= seconds["judge"]
