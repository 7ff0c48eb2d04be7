"""Formats for other programs: GitLab's, reviewdog's, and several series in one document."""

import json
from pathlib import Path

import pytest
from patchscan.basics.record import replace
from patchscan.cli import main
from patchscan.commands import output
from patchscan.report.joining import joined
from patchscan.report.render import render

from tests.report.test_formats import MAIL, report_on

SERIES = Path(__file__).parents[2] / "fixtures" / "series"
TWO = [str(SERIES / name / "series.mbox") for name in ("housekeeping", "clean")]


def test_gitlab_has_a_place_and_a_name_for_each() -> None:
    entries = json.loads(render(report_on(MAIL), "gitlab"))
    assert {"description", "check_name", "fingerprint", "severity", "location"} == set(entries[0])
    assert {each["severity"] for each in entries} <= {"critical", "major", "minor"}
    places = {(each["check_name"], each["location"]["path"]) for each in entries}
    assert ("changelog-previous-patch", "changelog-of-patch-1") in places
    assert ("hidden-characters", "mm/a.c") in places
    assert len({each["fingerprint"] for each in entries}) == len(entries)


def test_reviewdog_can_put_a_fix_in_its_place() -> None:
    result = json.loads(render(report_on(MAIL), "rdjson"))
    assert result["source"] == {"name": "patchscan"}
    fixed = [each for each in result["diagnostics"] if "suggestions" in each]
    assert fixed and all(each["severity"] in ("ERROR", "WARNING", "INFO") for each in result["diagnostics"])
    for each in fixed:
        assert all(part["range"]["start"]["line"] >= 1 for part in each["suggestions"])


@pytest.mark.parametrize("form", ["json", "sarif", "gitlab", "rdjson", "html"])
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_two_inputs_make_one_document(form: str, jobs: str, capsys: pytest.CaptureFixture[str]) -> None:
    main([*TWO, "--no-tree", "--format", form, "--jobs", jobs, "--exit-zero"])
    text = capsys.readouterr().out
    if form == "html":
        assert text.count("<body>") == text.count("</html>") == text.count("<script>") == 1
        assert 'href="#series-2"' in text and 'id="series-2"' in text
        return
    value = json.loads(text)
    if form == "json":
        assert [each["schema"] for each in value] == [1, 1]


@pytest.mark.parametrize("form", ["json", "sarif", "gitlab", "rdjson", "html"])
def test_documents_put_by_are_joined_the_same(
    form: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Most of them put by, then none but the last ones, then all in memory."""
    told = set()
    for most in (0, 100_000, 8 << 20):
        monkeypatch.setattr(output, "_MOST_HELD", most)
        main([*TWO, *TWO, "--no-tree", "--format", form, "--exit-zero"])
        told.add(capsys.readouterr().out)
    assert len(told) == 1


ORDER = "##[error]Stop."


@pytest.mark.parametrize("form", ["json", "sarif", "gitlab", "rdjson"])
def test_an_order_in_a_mail_stays_text_and_the_document_json(form: str) -> None:
    report = report_on(MAIL)
    text = render(
        replace(report, findings=tuple(replace(each, message=ORDER) for each in report.findings)), form
    )
    several = "".join(joined(form, [text] * 2))
    assert "#[" in text and "##[" not in text + several
    assert "##[" in json.dumps(json.loads(text)) and "##[" in json.dumps(json.loads(several))


def test_joined_json_is_the_list_of_its_parts_as_json_writes_it() -> None:
    for texts in ([render(report_on(MAIL), "json")] * 3, []):
        assert (
            "".join(joined("json", texts))
            == json.dumps([json.loads(text) for text in texts], indent=2) + "\n"
        )


def test_two_inputs_keep_their_own_files_in_a_directory(tmp_path: Path) -> None:
    main([*TWO, "--no-tree", "--format", "json", "-o", f"{tmp_path}/", "--exit-zero"])
    assert [json.loads(path.read_text())["schema"] for path in sorted(tmp_path.iterdir())] == [1, 1]


def test_places_of_a_joined_page_stay_apart() -> None:
    page = "".join(joined("html", [render(report_on(MAIL), "html")] * 2))
    ids = [each.partition('"')[0] for each in page.split(' id="')[1:]]
    assert len(ids) == len(set(ids)) > 2
