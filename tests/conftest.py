"""What every test begins with."""

import pytest
from patchscan.basics import limits


@pytest.fixture(autouse=True)
def no_guard_met(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that has met a guard keeps nothing for the next one; what an earlier test met is not this one's."""
    monkeypatch.setattr(limits, "_MET", set())
