"""Rules of third parties: an installed pack by its entry point, a directory, and files that are no rules."""

from pathlib import Path

import pytest
from patchscan.commands.newrule import create
from patchscan.settling.registry import load_rules, names_of_files


def installed_pack(place: Path) -> Path:
    """A package with one rule and the metadata that pip would write."""
    package = place / "acme_rules"
    package.mkdir()
    (package / "__init__.py").write_text("")
    create("acme-odd-call", str(package))
    metadata = place / "acme-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[patchscan.rules]\nacme = acme_rules\n")
    return package


def test_an_installed_pack_is_found_by_its_entry_point(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed_pack(tmp_path)
    assert "acme-odd-call" not in {rule.name for rule in load_rules()[0]}
    monkeypatch.syspath_prepend(str(tmp_path))
    rules, problems = load_rules()
    assert "acme-odd-call" in {rule.name for rule in rules} and problems == ()


def test_a_file_that_is_no_rule_is_named_and_the_others_run(tmp_path: Path) -> None:
    create("first-rule", str(tmp_path))
    (tmp_path / "broken.py").write_text("def check(:\n")
    (tmp_path / "empty.py").write_text("")
    create("missing-braces", str(tmp_path))
    rules, problems = load_rules([str(tmp_path)])
    assert "first-rule" in {rule.name for rule in rules}
    said = {Path(problem.where).name: problem.message for problem in problems}
    assert set(said) == {"broken.py", "empty.py", "missing_braces.py"}
    assert (
        "SyntaxError" in said["broken.py"]
        and "RULE" in said["empty.py"]
        and "loaded already" in said["missing_braces.py"]
    )


def test_of_our_files_only_the_wanted_are_loaded() -> None:
    every, wanted = {rule.name for rule in load_rules()[0]}, load_rules(wanted={"kernel-doc", "no-such-rule"})
    assert wanted[1] == ()
    files = {rule.name for rule in wanted[0]} & names_of_files()
    assert files == {"kernel-doc"} and names_of_files() < every


def test_a_name_of_ours_is_taken_where_its_file_is_not_loaded(tmp_path: Path) -> None:
    create("kernel-doc", str(tmp_path))
    rules, problems = load_rules([str(tmp_path)], wanted={"spelling"})
    assert "kernel-doc" not in {rule.name for rule in rules}
    assert [problem.message for problem in problems] == [
        "a rule named kernel-doc is loaded already: rename it"
    ]
