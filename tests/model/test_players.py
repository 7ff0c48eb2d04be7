"""Roles of a scenario are played by what functions do: another name changes no verdict."""

import random
import re
import shutil
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from patchscan.c.source import Source
from patchscan.commands.reading import read
from patchscan.model.scenarios.players import players, plays
from patchscan.model.scenarios.scenario import Role
from patchscan.model.scenarios.series_models import SeriesModels
from patchscan.model.scenarios.touched import concerned, shipped_scenarios
from patchscan.tree import open_tree
from patchscan.tree.overlay import lay

from tests.diffs import change as file_change
from tests.diffs import patch, series

FIXTURES = Path(__file__).parents[2] / "fixtures"
SCENARIO = tuple(each for each in shipped_scenarios() if each.name == "page-table-walk-against-freeing")
NAMED = tuple(each for each in shipped_scenarios() if not each.is_shape)
# All that play a role in the fixtures; what a stub writes down has the name that the stub gives it.
NAMES = {
    "gup_fast": "walk_quickly",
    "gup_fast_pmd_range": "walk_further",
    "gup_fast_pte_range": "walk_to_the_end",
    "collapse_huge_page": "fold_pages",
    "retract_page_table": "give_back",
    "free_pte_range": "drop_tables",
    "zap_pte_range": "clear_entries",
}


def verdicts(mbox: Path, tree: Path) -> list[tuple[str, str, str | None]]:
    """(configuration, verdict, that before) of each model of a series."""
    states = lay(read([str(mbox)], None).series[0], open_tree(str(tree)))
    models = SeriesModels(states, NAMED)
    found = [verdict for index in range(len(states)) for verdict in models.patch(index)]
    return [(each.config, each.verdict, each.before) for each in found]


def renamed(text: str) -> str:
    for old, new in NAMES.items():
        text = re.sub(rf"\b{old}\b", new, text)
    return text


@pytest.mark.parametrize(
    "name",
    [
        "collapse-without-sync",
        "sync-under-lock",
        "hugetlb-unshare",
        "rcu-fallback",
        "rmap-order",
        "skip-redundant-sync",
        "deferred-flush",
    ],
)
def test_other_names_keep_the_verdict(name: str, tmp_path: Path) -> None:
    mbox, tree = tmp_path / "series.mbox", tmp_path / "tree"
    shutil.copytree(FIXTURES / "tree", tree)
    for path in sorted(tree.glob("mm/*.c")):
        path.write_text(renamed(path.read_text()))
    mbox.write_text(renamed((FIXTURES / "series" / name / "series.mbox").read_text()))
    before = verdicts(FIXTURES / "series" / name / "series.mbox", FIXTURES / "tree")
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


def test_a_change_of_a_player_alone_concerns_its_scenario_whatever_its_name_is(tmp_path: Path) -> None:
    """The reader stops to keep interrupts off: no line of the patch names what scenarios ask for."""
    for name, change in (("as it is", str), ("renamed", renamed)):
        tree = tmp_path / name
        shutil.copytree(FIXTURES / "tree", tree)
        source = change((tree / "mm/gup.c").read_text())
        (tree / "mm/gup.c").write_text(source)
        after = source.replace("\tlocal_irq_save(flags);\n", "\tflags = 0;\n", 1)
        states = lay(series(patch(1, file_change("mm/gup.c", source, after))), open_tree(str(tree)))
        assert concerned(states)
        models = SeriesModels(states, SCENARIO)
        assert "unsafe" in {verdict.verdict for verdict in models.patch(0)}, name


def test_a_change_of_another_function_of_such_a_file_concerns_none() -> None:
    source = (FIXTURES / "tree/mm/gup.c").read_text()
    after = source.replace("\tint nr = gup_fast(", "\tint  nr = gup_fast(", 1).replace(
        "gup_slow(start +", "gup_slow(0 +"
    )
    assert after != source
    states = lay(series(patch(1, file_change("mm/gup.c", source, after))), open_tree(str(FIXTURES / "tree")))
    assert not any(plays(scenario, states[0]) for scenario in NAMED)


def plainly(calls: tuple[frozenset[str], ...], words: dict[str, frozenset[str]]) -> list[str]:
    """Who plays a role, as its words say it."""

    def reached(name: str) -> frozenset[str]:
        found = frozenset({name})
        for _ in range(3):
            found |= {callee for each in found for callee in words[each] & words.keys()}
        return found

    def fits(name: str) -> bool:
        own = [word for each in reached(name) for word in words[each]]
        return all(any(fnmatchcase(word, each) for word in own for each in names) for names in calls)

    return [name for name in words if fits(name) and not any(map(fits, reached(name) - {name}))]


def test_players_are_those_who_call_all_of_it_and_call_nobody_who_does() -> None:
    """Files made by chance: names that are parts of others, a name that stands twice, words in comments and strings."""
    chosen = random.Random(5)
    asked = ("take", "take_all", "give", "may_take", "flush_tlb")
    patterns = ("take", "*take", "give*", "flush_*", "t?ke*", "flush_tlb")
    some, met = 0, set[int]()
    for _ in range(300):
        words: dict[str, frozenset[str]] = {}
        text = ""
        for number in (0, 1, 2, 3, 4, 5, 6, 3):
            called = chosen.sample([*(f"f{each}" for each in range(8)), *asked], chosen.randrange(4))
            name = f"f{number}"
            text += f'void {name}(void)\n{{\n\t/* give(); */ puts("take_all");\n'
            text += "".join(f"\t{each}();\n" for each in called) + "}\n\n"
            words[name] = words.get(name, frozenset()) | {*called, name, "void", "puts"}
        calls = tuple(frozenset(chosen.sample(patterns, 2)) for _ in range(chosen.randrange(1, 3)))
        role = Role("some", (), {}, 0, {}, calls=calls)
        expected = plainly(calls, words)
        assert list(players(role, Source("a.c", text.encode()))) == expected
        among = {"f1", "f3", "f5", "f7"}
        found = list(players(role, Source("a.c", text.encode()), among))
        assert found == [name for name in expected if name in among]
        some += bool(expected)
        met.add(len(expected))
    assert 100 < some < 300 and len(met) > 3
