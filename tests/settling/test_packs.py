"""Rules of third parties: an installed pack by its entry point, a directory, and files that are no rules."""

from pathlib import Path

import pytest
from patchscan.commands.newrule import create
from patchscan.settling.registry import load_rules


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
