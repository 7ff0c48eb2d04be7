"""The part of a page on costs."""

from pathlib import Path
from xml.etree import ElementTree

from patchscan.commands.reading import read
from patchscan.cost.change import SeriesCosts
from patchscan.cost.page import cost_section
from patchscan.model.scenarios.series_models import SeriesModels
from patchscan.results import CaseCost, CostChange
from patchscan.tree import open_tree
from patchscan.tree.overlay import lay

FIXTURES = Path(__file__).parents[2] / "fixtures"
SVG = "{http://www.w3.org/2000/svg}"


def test_before_and_after_as_two_lines() -> None:
    series = read([str(FIXTURES / "series" / "rcu-fallback" / "series.mbox")], None).series[0]
    changes = SeriesCosts(SeriesModels(lay(series, open_tree(str(FIXTURES / "tree"))))).all_changes()
    root = ElementTree.fromstring(f"<div>{cost_section(changes)}</div>")
    pictures = list(root.iter(f"{SVG}svg"))
    assert len(pictures) == 2
    for picture, told in zip(
        pictures, ("before: tables x CPUs; after: none", "before: none; after: tables"), strict=True
    ):
        assert len(picture.findall(f"{SVG}polyline")) == 2
        assert picture.findtext(f"{SVG}desc") == told


def test_no_change_no_section() -> None:
    assert cost_section(()) == ""


def test_hostile_names_are_escaped() -> None:
    case = CaseCost("f", "g", {}, {})
    shown = cost_section([CostChange("s", 1, case, case, "<script>\x1b[2J")])
    assert "<script>" not in shown and "\x1b" not in shown
