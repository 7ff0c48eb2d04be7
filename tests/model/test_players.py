"""Roles of a scenario are played by what functions do: another name changes no verdict."""

import re
import shutil
from pathlib import Path

import pytest
from patchscan.commands.reading import read
from patchscan.model.scenarios.series_models import SeriesModels
from patchscan.model.scenarios.touched import shipped_scenarios
from patchscan.tree import open_tree
from patchscan.tree.overlay import lay

FIXTURES = Path(__file__).parents[2] / "fixtures"
SCENARIO = tuple(each for each in shipped_scenarios() if each.name == "page-table-walk-against-freeing")
NAMES = {"gup_fast": "walk_quickly", "collapse_huge_page": "fold_pages", "free_pte_range": "drop_tables"}


def verdicts(mbox: Path, tree: Path) -> list[tuple[str, str, str | None]]:
    """(configuration, verdict, that before) of each model of a series."""
    states = lay(read([str(mbox)], None).series[0], open_tree(str(tree)))
    models = SeriesModels(states, SCENARIO)
    found = [verdict for index in range(len(states)) for verdict in models.patch(index)]
    return [(each.config, each.verdict, each.before) for each in found]


def renamed(text: str) -> str:
    for old, new in NAMES.items():
        text = re.sub(rf"\b{old}\b", new, text)
    return text


@pytest.mark.parametrize("series", ["collapse-without-sync", "sync-under-lock"])
def test_other_names_keep_the_verdict(series: str, tmp_path: Path) -> None:
    mbox, tree = tmp_path / "series.mbox", tmp_path / "tree"
    shutil.copytree(FIXTURES / "tree", tree)
    for path in sorted(tree.glob("mm/*.c")):
        path.write_text(renamed(path.read_text()))
    mbox.write_text(renamed((FIXTURES / "series" / series / "series.mbox").read_text()))
    before = verdicts(FIXTURES / "series" / series / "series.mbox", FIXTURES / "tree")
    assert before and verdicts(mbox, tree) == before


def test_a_function_that_no_scenario_names_is_found_by_what_it_calls(tmp_path: Path) -> None:
    source = (FIXTURES / "tree" / "mm" / "khugepaged.c").read_text()
    start = source.index("static enum collapse_result collapse_huge_page(")
    end = source.index("\n}\n", start) + 3
    other = source[start:end].replace("collapse_huge_page", "retire_table")
    added = "".join(f"+{line}\n" for line in other.splitlines() if "sync" not in line)
    count, last = added.count("\n"), source.count("\n")
    mbox = tmp_path / "series.mbox"
    mbox.write_text(
        "From 1234567890abcdef1234567890abcdef12345678 Mon Sep 17 00:00:00 2001\n"
        "From: A Developer <dev@example.org>\nDate: Mon, 1 Sep 2025 10:00:00 +0200\n"
        "Subject: [PATCH] mm: retire tables\nMessage-ID: <retire@example.org>\n\nOne more.\n\n"
        "Signed-off-by: A Developer <dev@example.org>\n---\n mm/khugepaged.c | 1 +\n\n"
        "diff --git a/mm/khugepaged.c b/mm/khugepaged.c\n--- a/mm/khugepaged.c\n+++ b/mm/khugepaged.c\n"
        f"@@ -{last},0 +{last + 1},{count} @@\n{added}-- \n2.39.5\n\n"
    )
    states = lay(read([str(mbox)], None).series[0], open_tree(str(FIXTURES / "tree")))
    found = SeriesModels(states, SCENARIO).patch(0)
    assert {name for verdict in found for _, name in verdict.functions} >= {"retire_table"}
