"""Which options come with others."""

import pytest
from patchscan.kconfig.demands import certain
from patchscan.kconfig.implied import implied
from patchscan.testing import MemoryTree
from patchscan.tree.overlay import View

KCONFIG = """
config MMU
	bool "Pages"

config HAVE_FAST
	bool

if NET
source "net/Kconfig"
config TUNNEL
	bool "Tunnels"
	depends on MMU && (INET || IPX) && !SLOW
	select CHECKSUM if MMU
	select BIG if HUGE
	help
	  select NOTHING
	  depends on NOTHING
endif

menu "Drivers"
	depends on BUS
config DRIVER
	tristate "A driver"
endmenu

config TABLES
	bool

config SOUTH
	def_bool y
	select HAVE_FAST
	select TABLES

config NORTH
	def_bool y
	select HAVE_FAST if MMU
	select TABLES

config HOTPLUG
	bool
	default y if MMU && NET

config SETTABLE
	bool "Set me"
	default y if MMU

config CHOSEN
	bool
	default y if MMU

config CHOOSER
	bool "Choose"
	select CHOSEN
	select QUICK if MMU && (NET || BUS)

config QUICK
	bool

config EITHER
	def_bool (MMU && NET) || DRIVER_MMU

config DRIVER_MMU
	bool "Driver"
	select MMU

config EITHER_OR_NONE
	def_bool (MMU && NET) || !BUS

config EITHER_CHOSEN
	bool "Set me"
	default y if MMU || DRIVER_MMU

config TWICE
	bool "One"
	depends on MMU && NET

config TWICE
	bool "Two"
	depends on MMU
"""
NET = """
config CHECKSUM
	bool
config INET
	bool "IP"
	depends on \\
		MMU
"""
VIEW = View(MemoryTree("options", {"Kconfig": KCONFIG.encode(), "net/Kconfig": NET.encode()}), {})


@pytest.mark.parametrize(
    ("name", "brought"),
    [
        ("MMU", set()),
        ("TUNNEL", {"NET", "MMU", "CHECKSUM"}),
        ("DRIVER", {"BUS"}),
        ("INET", {"NET", "MMU"}),
        ("TWICE", {"MMU"}),
        ("HAVE_FAST", {"TABLES"}),
        ("HOTPLUG", {"MMU", "NET"}),
        ("SETTABLE", set()),
        ("CHOSEN", set()),
        ("QUICK", {"CHOOSER", "CHOSEN", "MMU"}),
        ("EITHER", {"MMU"}),
        ("EITHER_OR_NONE", set()),
        ("EITHER_CHOSEN", set()),
        ("UNKNOWN", set()),
    ],
)
def test_what_comes_with_an_option(name: str, brought: set[str]) -> None:
    assert implied(VIEW, [name]) == {name, *brought}


def test_architecture() -> None:
    files = {
        "arch/x86/Kconfig": b"config X86\n\tdef_bool y\n\tselect WALK\nconfig SMP\n\tdef_bool y\nconfig UP\n\tbool\n"
        b"config WALK\n\tbool\n",
        "arch/s390/Kconfig": b"config S390\n\tdef_bool y\nconfig SMP\n\tdef_bool y\n",
    }
    view = View(MemoryTree("architectures", files), {})
    assert implied(view, ["UP"]) == {"UP", "X86", "SMP", "WALK"}
    assert implied(view, ["SMP"]) == {"SMP"}


def test_changed_kconfig() -> None:
    view = View(VIEW.tree, {"net/Kconfig": b"config INET\n\tbool\n\tselect HASH\nconfig HASH\n\tbool\n"})
    assert implied(view, ["INET"]) == {"INET", "HASH", "NET"}


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        ("A", ["A"]),
        ("A && B=y && C != n", ["A", "B", "C"]),
        ("A || B", []),
        ("(A) && (B || C) && !D", ["A"]),
        ("A=n && B", ["B"]),
        ("y", []),
    ],
)
def test_certain(expression: str, names: list[str]) -> None:
    assert certain(expression) == names


def test_whole_needs_all_terms() -> None:
    assert certain("A && B", whole=True) == ["A", "B"]
    assert certain("A && !B", whole=True) == []


def test_a_select_under_a_condition_that_was_known_before() -> None:
    text = b"""
config MMU
	bool "Pages"

config NET
	bool "Network"
	depends on MMU

config DEVICE
	bool "A device"
	depends on MMU && NET
	select BUFFERS if MMU

config BUFFERS
	bool
"""
    view = View(MemoryTree("buffers", {"Kconfig": text}), {})
    assert implied(view, ("DEVICE",)) == {"DEVICE", "NET", "MMU", "BUFFERS"}
