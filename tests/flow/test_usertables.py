"""Tables of a user beside ours: what they teach the rules, and what is told of those that are wrong."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from patchscan.finding import Finding
from patchscan.flow.conventions import listed
from patchscan.flow.resources import by_call
from patchscan.flow.usertables import forget_tables, use_tables
from patchscan.scan import scan
from patchscan.series import Thread
from patchscan.settling.registry import load_rules
from patchscan.testing import read_example

GOOD = """
[engine]
what = "the engine"
kind = "state"
at = 0
negative = ["wake_engine"]
release = ["let_engine_sleep"]
source = "drivers/engine"
"""


@pytest.fixture(autouse=True)
def ours_again() -> Iterator[None]:
    yield
    forget_tables()


def problems(directory: Path, text: str, name: str = "resources.toml") -> list[str]:
    """What is said of a table, without the directory."""
    (directory / name).write_text(text)
    said = [f"{each.where}: {each.message}" for each in use_tables(str(directory))]
    return [each.removeprefix(f"{directory}/") for each in said]


def findings(directories: tuple[str, ...]) -> list[Finding]:
    rules = tuple(each for each in load_rules(directories)[0] if each.name == "held-at-exit")
    series, _, _ = read_example("""
 static int send(struct port *port)
 {
 	int ret = wake_engine(port);
 
 	if (ret)
 		return ret;
+	if (port->full)
+		return -ENOSPC;
 	if (port->gone)
 		goto out;
 	ret = push(port);
 out:
 	let_engine_sleep(port);
 	return ret;
 }
""")
    return list(scan(Thread((series,), (), ()), None, rules).findings)


def test_a_row_teaches_the_rules(tmp_path: Path) -> None:
    assert findings(()) == []
    (tmp_path / "resources.toml").write_text(GOOD)
    (found,) = findings((str(tmp_path),))
    assert "with the engine (line 3) still held" in found.message
    assert findings(()) == []


def test_a_row_of_our_name_takes_its_place(tmp_path: Path) -> None:
    assert problems(tmp_path, GOOD.replace("[engine]", "[mutex]")) == []
    assert "wake_engine" in by_call()
    assert "mutex_lock" not in by_call()


def test_conventions(tmp_path: Path) -> None:
    assert problems(tmp_path, 'error = ["new_engine"]\n', "conventions.toml") == []
    assert listed("new_engine") == "error"
    assert listed("kmalloc") == "null"


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (
            "kind =",
            "sort =",
            "resources.toml:4:1: row engine: there is no field sort: it is one of what, kind, at",
        ),
        (
            '"state"',
            '"thing"',
            "resources.toml:4:9: row engine: 'thing' is none of lock, state, reference, memory",
        ),
        ("at = 0", 'at = "first"', 'resources.toml:5:1: row engine: "result", the number of an argument'),
        (
            '["wake_engine"]',
            '"wake_engine"',
            "resources.toml:6:1: row engine: negative wants a list of names",
        ),
        (
            "wake_engine",
            "wake engine",
            "resources.toml:6:14: row engine: 'wake engine' is no name of a function",
        ),
        ('source = "drivers/engine"', "", "resources.toml:2:1: row engine: it has no source: give it one"),
        ('negative = ["wake_engine"]', "", "resources.toml:2:1: row engine: it has no call that takes it"),
        ("at = 0", "at = ", "resources.toml: not TOML: Invalid value (at line 5, column 6)"),
    ],
)
def test_what_is_wrong_is_told_by_its_place(tmp_path: Path, old: str, new: str, told: str) -> None:
    (said,) = problems(tmp_path, GOOD.replace(old, new))
    assert said.startswith(told)
    assert "wake_engine" not in by_call()


def test_a_wrong_row_does_not_hide_the_others(tmp_path: Path) -> None:
    (said,) = problems(tmp_path, GOOD + "[other]\nwhat = 1\n")
    assert said == "resources.toml:10:1: row other: what wants a text"
    assert "wake_engine" in by_call()


def test_a_wrong_convention_is_told_by_its_place(tmp_path: Path) -> None:
    text = 'error = ["new_engine"]\nfails = ["kill"]\n'
    (said,) = problems(tmp_path, text, "conventions.toml")
    assert said.startswith("conventions.toml:2:1: row fails: there is no convention fails")
    assert listed("new_engine") == "error"
