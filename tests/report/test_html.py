"""The page: whole, harmless, and in a browser where there is one."""

import json
import re
import shutil
import subprocess
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jsonschema
import pytest
from patchscan.basics.record import replace
from patchscan.report.html import matrix
from patchscan.report.picture import picture
from patchscan.report.render import render
from patchscan.results import Report, Step

from tests.report.test_formats import MAIL, SCHEMA, report_on
from tests.sample_models import MODELS, SAFE, UNKNOWN, UNSAFE

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
VOID = {"meta", "br", "hr", "img", "input", "link"}


class Outline(HTMLParser):
    """Checks that every element is closed, and collects ids, references, element names and text."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.references: list[str] = []
        self.names: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attributes:
            assert not name.startswith("on"), name
            if name == "id":
                self.ids.append(value or "")
            if name in ("href", "src"):
                self.references.append(value or "")

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def outline(page: str) -> Outline:
    parser = Outline()
    parser.feed(page)
    parser.close()
    assert parser.open == []
    return parser


def with_models(text: str = MAIL) -> Report:
    report = report_on(text)
    first = replace(report.findings[0], model=UNSAFE.name)
    return replace(report, models=MODELS, findings=(first, *report.findings[1:]))


def test_the_page_is_whole_and_refers_to_nothing_outside() -> None:
    page = outline(render(with_models(), "html"))
    assert len(set(page.ids)) == len(page.ids)
    assert page.references and all(each[0] == "#" and each[1:] in page.ids for each in page.references)
    assert "img" not in page.names and "link" not in page.names


def test_every_finding_stands_once_below_its_line() -> None:
    report = with_models()
    page = render(report, "html")
    for finding in report.findings:
        assert page.count(f'id="f-{finding.fingerprint}"') == 1
    below = page.partition("while (a)")[2].partition('<div class="row')[0]
    said = [each.fingerprint for each in report.findings if each.path == "mm/a.c" and each.line == 3]
    assert said and all(f"f-{fingerprint}" in below for fingerprint in said)
    assert below.count("<article") == len(said)


def test_mail_cannot_reach_the_page_as_markup() -> None:
    attack = "<script>alert(1)</script><img src=x onerror=y>\"'{{ 7*7 }}"
    page = render(
        with_models(MAIL.replace("red", attack).replace("while (a)", f"while (a) /* {attack} */")), "html"
    )
    parsed = outline(page)
    assert page.count("<script>") == 1 and "img" not in parsed.names and "{{ 7*7 }}" in parsed.text
    assert all(character.isprintable() or character in "\n\t" for character in page)


def test_the_policy_allows_only_our_script() -> None:
    page = render(report_on(MAIL), "html")
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy is not None and "default-src 'none'" in policy[1] and "script-src 'sha256-" in policy[1]


def test_the_same_input_gives_the_same_page() -> None:
    assert render(with_models(), "html") == render(with_models(), "html")


def test_no_series_gives_a_page_that_says_so() -> None:
    assert "no patch found" in outline(render(report_on("Subject: hello\n\nno diff\n"), "html")).text


def test_models_stand_in_every_format_that_tells_stories() -> None:
    report = with_models()
    for form in ("text", "markdown", "html", "mail"):
        text = render(report, form)
        if form == "html":
            text = outline(text).text
        assert (
            "two CPUs" in text and UNSAFE.replay in text and "smp_mb() in free" in text.replace("\\", "")
        ), form
        assert "misses step 4" in " ".join(text.split()), form


def test_models_follow_the_schema() -> None:
    data = json.loads(render(with_models(), "json"))
    jsonschema.validate(data, SCHEMA)
    assert data["models"][0]["timeline"][2]["missed"] == 4 and data["models"][2]["before"] is None


def test_the_matrix_has_a_row_a_scheme_and_the_worst_first() -> None:
    worse = replace(SAFE, name="other", verdict="unknown")
    configs, rows = matrix((*MODELS, worse))
    assert configs == ["x86", "arm64"]
    assert rows == [
        ("targeted interrupts", [[UNSAFE], [worse, SAFE]]),
        ("broadcast", [[UNKNOWN], []]),
    ]


def test_the_picture_draws_reads_and_misses() -> None:
    tree = ElementTree.fromstring(picture(UNSAFE.timeline))
    classes = [each.get("class") for each in tree.iter("path")]
    assert classes.count("reads") == 1 and classes.count("missed") == 2 and classes.count("missed cross") == 2
    boxes = [(int(each.get("x", 0)), int(each.get("y", 0))) for each in tree.iter("rect")]
    assert len(boxes) == len(UNSAFE.timeline) and [y for _, y in boxes] == sorted(y for _, y in boxes)
    assert len({x for x, _ in boxes}) == 2


def test_a_picture_of_odd_steps_is_still_one() -> None:
    assert picture(()) == ""
    steps = (Step("<P0>", "a\x1b & b", reads_from=9), Step("<P0>", "", missed=1))
    ElementTree.fromstring(picture(steps))


def dump(page: str, directory: Path, *options: str) -> str:
    """The page's elements after a browser has run it."""
    (directory / "page.html").write_text(page)
    command = [str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", *options]
    if not any(option.startswith("--print-to-pdf") for option in options):
        command.append("--dump-dom")
    run = subprocess.run(
        [*command, f"--user-data-dir={directory}/profile", f"file://{directory}/page.html"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return run.stdout


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
def test_a_browser_moves_between_findings(tmp_path: Path) -> None:
    press = "document.dispatchEvent(new KeyboardEvent('keydown', {key: 'n'}));"
    probe = press * 2 + "document.title = 'on ' + document.activeElement.id;"
    report = with_models()
    page = render(report, "html").replace("</script>", probe + "</script>")
    page = re.sub(r"script-src [^;\"]*", "script-src 'unsafe-inline'", page)
    assert f"<title>on f-{report.findings[1].fingerprint}</title>" in dump(page, tmp_path)


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
def test_a_browser_runs_our_script_and_no_other(tmp_path: Path) -> None:
    page = render(with_models(), "html")
    assert '<p class="keys">' in dump(page, tmp_path).replace(' hidden=""', " hidden")
    changed = page.replace('"use strict";', '"use strict"; document.title = "run";')
    assert "<title>run</title>" not in dump(changed, tmp_path)


# Told in the title: what sticks out of the page to the right, and the least contrast of the words that judge.
PROBE = """
const open = Array.from(document.querySelectorAll("details"), (each) => each.open = true);
const out = Array.from(document.querySelectorAll("td, th, a, p, li, .steps, .row code, summary"))
    .filter((each) => each.getClientRects().length && each.getBoundingClientRect().right > innerWidth + 1);
const light = (colour) => {
    const parts = colour.match(/[0-9.]+/g).slice(0, 3).map((each) => each / 255)
        .map((each) => each <= 0.03928 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4);
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
};
const page = light(getComputedStyle(document.body).backgroundColor);
const contrasts = Array.from(document.querySelectorAll(".error, .warning, .info, .unsafe, .unknown, .safe, .faint, a"))
    .map((each) => light(getComputedStyle(each).color))
    .map((ink) => (Math.max(ink, page) + 0.05) / (Math.min(ink, page) + 0.05));
const pictures = Array.from(document.querySelectorAll(".timeline")).filter((each) => each.getClientRects().length);
document.title = JSON.stringify({
    width: innerWidth, wide: document.documentElement.scrollWidth, out: out.map((each) => each.outerHTML.slice(0, 80)),
    dark: page < 0.2, contrast: Math.min(...contrasts), pictures: pictures.length,
});
parent.postMessage(document.title, "*");
"""
# A window of a browser is not as narrow as a phone, a frame can be.
PHONE = """<!DOCTYPE html><title>-</title><body><iframe src="%s" width="360" height="800" style="border: 0"></iframe>
<script>addEventListener("message", (event) => { document.title = event.data; });</script>
"""


def seen(directory: Path, *options: str, phone: bool = False) -> dict[str, Any]:
    """What a browser shows of the page with models."""
    page = render(with_models(), "html").replace("</script>", PROBE + "</script>")
    page = re.sub(r"script-src [^;\"]*", "script-src 'unsafe-inline'", page)
    if phone:
        (directory / "inner.html").write_text(page)
        page, options = PHONE % "inner.html", ("--virtual-time-budget=5000",)
    title = re.search("<title>(.*?)</title>", dump(page, directory, *options))
    assert title is not None
    found: dict[str, Any] = json.loads(unescape(title[1]))
    return found


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
@pytest.mark.parametrize(("scheme", "dark"), [(1, False), (0, True)])
def test_light_and_dark_can_be_read(scheme: int, dark: bool, tmp_path: Path) -> None:
    found = seen(tmp_path, "--window-size=1100,900", f"--blink-settings=preferredColorScheme={scheme}")
    assert found["dark"] is dark and found["contrast"] >= 4.5
    assert found["out"] == [] and found["pictures"]


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
def test_a_phone_shows_all_of_it(tmp_path: Path) -> None:
    found = seen(tmp_path, phone=True)
    assert found["width"] == 360 == found["wide"]
    assert found["out"] == [] and found["pictures"] == 0


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="poppler is not installed")
def test_paper_holds_whole_verdicts(tmp_path: Path) -> None:
    dump(render(with_models(), "html"), tmp_path, f"--print-to-pdf={tmp_path}/page.pdf")
    command = ["pdftotext", "-bbox", str(tmp_path / "page.pdf"), "-"]
    tree = ElementTree.fromstring(subprocess.run(command, capture_output=True, check=True).stdout)
    words = []
    for sheet in tree.iter("{http://www.w3.org/1999/xhtml}page"):
        edge = float(sheet.get("width", 0)) - 10
        for word in sheet:
            words.append(word.text or "")
            assert float(word.get("xMax", 0)) <= edge, word.text
    assert words.count("unsafe") >= 2 and "unknown" in words and "→" in words


def test_only_models_that_findings_rest_on_are_told_in_full() -> None:
    report = with_models()
    told = render(report, "text")
    assert told.count("misses step 4") == 1 and "broadcast, x86" not in told
    assert "with -v also: 2 models (1 unknown, 1 safe)" in told
    whole = render(report, "text", detail=1)
    assert whole.count("misses step 4") == 1 and "broadcast, x86: unknown" in whole
    unproved = replace(report, findings=tuple(replace(each, model=None) for each in report.findings))
    assert "misses step 4" not in render(unproved, "text")
    assert "misses step 4" in render(unproved, "text", detail=1)
