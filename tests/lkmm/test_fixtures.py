"""Our own litmus tests: the verdict each one states, its witness replayed, the plain search of the same
mind.
"""

from pathlib import Path

import pytest
from patchscan.lkmm import run
from patchscan.lkmm.answers.judging import judge
from patchscan.lkmm.checking.exhaustive import search
from patchscan.lkmm.checking.replay import replay
from patchscan.lkmm.dialect.litmus_syntax import observed_in
from patchscan.lkmm.dialect.parser import parse
from patchscan.lkmm.memory.states import observed_order, state_text

FIXTURES = Path(__file__).parents[2] / "fixtures/litmus"
FILES = sorted(FIXTURES.glob("*.litmus"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_fixture_is_as_it_says_and_as_the_plain_search_finds(file: Path) -> None:
    text = file.read_text()
    litmus = parse(text, file.name)
    result = run(text, file.name, states=True)
    assert result.expected, "every fixture states its Result:"
    assert judge(result)[0] == ""
    if result.witness is not None:
        assert replay(litmus, result.witness) == []
    observed = sorted(observed_in(litmus.condition) | set(litmus.locations), key=observed_order)
    found = search(litmus, observed)
    states = {state_text(dict(zip(observed, state, strict=True))) for state in found.states}
    assert (result.outcome, "data-race" in result.flags) == (found.outcome, found.race)
    assert set(result.states or ()) == states


def test_fixtures_cover_every_verdict() -> None:
    expected = {word for file in FILES for word in parse(file.read_text()).expected}
    assert expected >= {"Never", "Sometimes", "Always", "DEADLOCK", "DATARACE"}
