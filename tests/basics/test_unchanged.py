"""Sources that changed since this process loaded ours are not what runs."""

import os
import time
from pathlib import Path

import patchscan
import pytest
from patchscan.basics.unchanged import runs_as_it_stands


def test_a_source_that_changed_since_the_process_began_may_not_be_what_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = tmp_path / "room"
    inner.mkdir()
    source = inner / "code.py"
    source.write_text("one = 1\n")
    monkeypatch.setattr(patchscan, "BEGAN", time.time_ns() + 10**9)
    assert runs_as_it_stands([str(tmp_path)])
    monkeypatch.setattr(patchscan, "BEGAN", time.time_ns() - 10**9)
    # The time that a copy takes over from elsewhere does not count alone.
    os.utime(source, (1, 1))
    assert not runs_as_it_stands([str(tmp_path)])


def test_what_is_made_of_sources_may_be_made_at_any_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patchscan, "BEGAN", 0)
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "code.pyc").write_bytes(b"")
    (tmp_path / "compiled.rows").write_bytes(b"")
    assert runs_as_it_stands([str(tmp_path)])
