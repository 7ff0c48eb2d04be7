"""Generic shapes: what two functions of one series do with two locations, judged with repair and mutation."""

import re
import tomllib
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from patchscan.c.source import parse
from patchscan.context import NO_SETTINGS, contexts
from patchscan.finding import Finding
from patchscan.model.scenarios.findings import check_models
from patchscan.model.scenarios.scenario import read_scenarios
from patchscan.model.scenarios.series_models import SeriesModels
from patchscan.model.verdicts.verdict import Verdict
from patchscan.tree import open_tree
from patchscan.tree.overlay import PatchState, lay

from tests.diffs import change, patch, series

ROOT = Path(__file__).parents[2]
ROWS: list[dict[str, Any]] = tomllib.loads((ROOT / "fixtures/shapes/rows.toml").read_text())["row"]
CODE = {row["name"]: row["code"] for row in ROWS}
BAD, GOOD = ROWS[0]["code"], ROWS[1]["code"]
PATH = "lib/ring.c"


def laid(tmp_path: Path, *texts: str | None) -> tuple[PatchState, ...]:
    """A series that takes a file through these texts; None: it is not there."""
    (tmp_path / "lib").mkdir()
    for name in ("Makefile", "Kbuild", "Kconfig"):
        (tmp_path / name).write_text("VERSION = 6\n" if name == "Makefile" else "")
    if texts[0] is not None:
        (tmp_path / PATH).write_text(texts[0])
    steps = enumerate(pairwise(texts), 1)
    patches = [patch(number, change(PATH, before, after)) for number, (before, after) in steps]
    return lay(series(*patches), open_tree(str(tmp_path)))


def verdicts(states: tuple[PatchState, ...]) -> list[Verdict]:
    models = SeriesModels(states)
    return [verdict for index in range(len(states)) for verdict in models.patch(index)]


@pytest.mark.parametrize("row", ROWS, ids=[row["name"] for row in ROWS])
def test_shape(row: dict[str, Any], tmp_path: Path) -> None:
    found = verdicts(laid(tmp_path, None, row["code"]))
    told = [(verdict.verdict, verdict.reasons) for verdict in found]
    assert [said for said, _ in told] == ([row["verdict"]] if row["verdict"] else []), told
    if not row["verdict"]:
        return
    assert found[0].scenario.startswith(row["scenario"] + "-")
    if row["verdict"] == "unsafe":
        assert (found[0].repair or "").startswith(row["repair"])
        assert {step.path for step in found[0].interleaving.moments} == {PATH}
    else:
        matters = [mutation.text for mutation in found[0].mutations if mutation.outcome == "Sometimes"]
        assert all(any(text.endswith(place) for text in matters) for place in row["weakened"]), matters


@pytest.mark.parametrize("row", ROWS, ids=[row["name"] for row in ROWS])
def test_other_names_keep_the_verdict(row: dict[str, Any], tmp_path: Path) -> None:
    names = {function.name for function in parse(row["code"].encode(), PATH).functions()}
    assert names
    code = re.sub(r"\b\w+\b", lambda word: f"other_{word[0]}" if word[0] in names else word[0], row["code"])
    found = verdicts(laid(tmp_path, None, code))
    assert [verdict.verdict for verdict in found] == ([row["verdict"]] if row["verdict"] else [])


def findings(states: tuple[PatchState, ...]) -> list[Finding]:
    judged = contexts(series(*(state.patch for state in states)), states, NO_SETTINGS)
    said = [remark for context in judged for remark in check_models(context, "barrier-pairing")]
    return [remark for remark in said if isinstance(remark, Finding)]


def test_an_acquire_that_is_lost_is_the_patch_s_fault(tmp_path: Path) -> None:
    """Safe before and unsafe after is an error, at the line that lost the order."""
    states = laid(tmp_path, GOOD, GOOD.replace("smp_load_acquire(&ring->ready)", "READ_ONCE(ring->ready)"))
    (found,) = findings(states)
    assert (found.severity, found.path, found.line) == ("error", PATH, 14)
    assert "smp_load_acquire() for the read of ring->ready at lib/ring.c:14" in found.message


def test_what_a_series_completes_is_judged_when_it_is_complete(tmp_path: Path) -> None:
    """The reader comes without its acquire and gets it two patches later: nothing is wrong with the series."""
    assert findings(laid(tmp_path, None, BAD, GOOD)) == []


def test_a_fault_that_was_there_is_no_finding(tmp_path: Path) -> None:
    states = laid(tmp_path, BAD, BAD.replace("ring->data = value;", "ring->data = value + 1;"))
    assert findings(states) == []


def test_untouched_functions_are_not_judged(tmp_path: Path) -> None:
    states = laid(tmp_path, BAD, BAD + "\nint other(int a)\n{\n\treturn READ_ONCE(a);\n}\n")
    assert verdicts(states) == []


def test_steps_that_cannot_be_read_are_said() -> None:
    text = (ROOT / "rules/scenarios/shapes.toml").read_text()
    with pytest.raises(ValueError, match="write it as `reads LOCATION`"):
        read_scenarios(text.replace("writes flag", "sets flag").encode(), "s.toml")
    with pytest.raises(ValueError, match="it is an access or a fence"):
        read_scenarios(text.replace('"fence"', '"barrier"').encode(), "s.toml")
