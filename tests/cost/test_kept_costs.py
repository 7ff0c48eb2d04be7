"""What a series changes in cost: taken again with all that a page shows, where the tree is as it was."""

import shutil
from pathlib import Path

import pytest
from patchscan.commands.reading import read
from patchscan.cost import change
from patchscan.cost.change import SeriesCosts
from patchscan.cost.page import cost_section
from patchscan.facts.store import store_of
from patchscan.model.scenarios.series_models import SeriesModels
from patchscan.results import CostChange
from patchscan.tree import Directory
from patchscan.tree.index.build import build_index
from patchscan.tree.overlay import lay

FIXTURES = Path(__file__).parents[2] / "fixtures"


def changes_on(root: Path) -> tuple[CostChange, ...]:
    """What the costs are for another process."""
    store_of.cache_clear()
    tree = Directory(str(root))
    series = read([str(FIXTURES / "series" / "rcu-fallback" / "series.mbox")], None).series[0]
    found = SeriesCosts(SeriesModels(lay(series, tree))).all_changes()
    store_of(tree).write()
    return found


def test_kept_costs_are_those_that_were_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    root = tmp_path / "tree"
    shutil.copytree(FIXTURES / "tree", root)
    build_index(str(root))
    lowered: list[str] = []
    scheme = change._scheme

    def counted(*words: object) -> object:
        lowered.append(str(words[1]))
        return scheme(*words)  # type: ignore[arg-type]

    monkeypatch.setattr(change, "_scheme", counted)
    first = changes_on(root)
    assert first and lowered
    lowered.clear()
    again = changes_on(root)
    assert again == first and not lowered
    # A page wants the schemes, on other numbers of CPUs.
    assert cost_section(again) == cost_section(first) and "<svg" in cost_section(again) and lowered
    text = (root / "mm/mmu_gather.c").read_text()
    assert "\tcall_rcu(" in text
    (root / "mm/mmu_gather.c").write_text(text.replace("\tcall_rcu(", "\tsynchronize_rcu(); call_rcu("))
    lowered.clear()
    other = changes_on(root)
    assert lowered and [each.text for each in other] != [each.text for each in first]
