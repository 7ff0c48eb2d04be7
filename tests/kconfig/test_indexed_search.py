"""A configuration that is found with the index of a tree, and statements kept, is the one that is found without."""

import time
from itertools import permutations
from pathlib import Path

import pytest
from patchscan.basics.formula import config
from patchscan.facts.store import store_of
from patchscan.kconfig.solve import Configuration, find_configuration
from patchscan.kconfig.tables import ask_for_moved
from patchscan.tree import Directory
from patchscan.tree.index.build import build_index
from patchscan.tree.index.lookup import open_index
from patchscan.tree.overlay import View

# More options bring the bus along than are looked at one by one.
DRIVERS = "".join(f'config DRIVER_{number}\n\tbool "Driver"\n\tselect BUS\n' for number in range(9))
FILES = {
    "Kconfig": 'source "drivers/Kconfig"\nsource "arch/$(SRCARCH)/Kconfig"\n',
    "arch/x86/Kconfig": "config X86\n\tdef_bool y\n\tselect WIDE\nconfig WIDE\n\tbool\n",
    "arch/arm64/Kconfig": "config ARM64\n\tdef_bool y\n\tselect BUS if WALK\nconfig WIDE\n\tbool\n",
    "drivers/Kconfig": 'if WIDE\nsource "drivers/more/Kconfig"\nendif\nconfig BUS\n\tbool\n' + DRIVERS,
    "drivers/more/Kconfig": """
config CORE
	bool
	default y if WALK
	select BUS
config LINK
	bool
	select BUS
config TOP
	bool "Top"
	select LINK
config WALK
	bool "Walk"
	depends on !TOP
	help
	  source "drivers/Kconfig"
	  select BUS
choice
	prompt "One"
config FIRST
	bool "First"
	select BUS
config SECOND
	bool "Second"
endchoice
""",
}
NAMES = ("BUS", "CORE", "LINK", "TOP", "WALK", "FIRST", "WIDE", "DRIVER_3")


def found(tree: Directory, changed: dict[str, bytes | None]) -> dict[tuple[str, str], Configuration | None]:
    view = View(tree, changed)
    return {
        (one, other): find_configuration(view, config(one), config(other))
        for one, other in permutations(NAMES, 2)
    }


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"drivers/more/Kconfig": b'config WALK\n\tbool "Walk"\n'},
        {"drivers/new/Kconfig": b"config WALK\n\tdef_bool y\n\tselect LINK\n"},
        {"arch/x86/Kconfig": None},
    ],
)
def test_the_index_changes_no_answer(
    changed: dict[str, bytes | None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    top = tmp_path / "linux"
    for path, text in FILES.items():
        (top / path).parent.mkdir(parents=True, exist_ok=True)
        (top / path).write_text(text)
    time.sleep(0.12)
    monkeypatch.setenv("XDG_CACHE_HOME", "/dev/null")
    plain = Directory(str(top))
    assert open_index(plain) is None
    expected = found(plain, changed)
    assert {each is None for each in expected.values()} == {True, False}
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert build_index(str(top)) == 0
    for _ in range(2):
        tree = Directory(str(top))
        moved = ask_for_moved(tree)
        assert moved is not None and {"CORE", "LINK", "FIRST"} <= moved and "DRIVER_3" not in moved
        assert found(tree, changed) == expected
        store_of(tree).flush()
    assert store_of(tree).computed == 0
