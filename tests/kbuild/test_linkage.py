"""Kconfig and Makefiles: which symbols exist, and where an object ends up, as the series leaves them."""

import os
from pathlib import Path

import pytest
from patchscan.kbuild.linkage import linkage, linkage_of
from patchscan.kbuild.makefile import Makefile, read_makefile
from patchscan.kconfig.symbols import config_symbol, config_symbols
from patchscan.tree import Directory, open_tree
from patchscan.tree.overlay import View

KERNEL = os.environ.get("PATCHSCAN_KERNEL_TREE", "")

KCONFIG = """\
mainmenu "x"
config PLAIN
	bool "a prompt"
	select SELECTED if PLAIN
	help
	  Words such as
	  config NOT_A_SYMBOL
	    select NOT_SELECTED

menuconfig MODULE
	tristate
	prompt "late prompt"
	default m
	help

	  config NEITHER
	    tristate
	select SELECTED

config SELECTED
	def_bool n

choice
	prompt "one of"
	tristate
config FIRST
	bool "first"
	---help---
	  text
endchoice

if PLAIN
config NUMBER
	int "n" if MODULE
config DEF_MODULE # as it is
	def_tristate PLAIN
endif
config NO_TYPE
comment "bool"
"""

# Each object's comment is what it must be found to be.
MAKEFILE = """\
obj-y := plain.o composite.o $(via-variable) sub/in_sub.o   # built-in
obj-$(CONFIG_MODULE) += \\
	continued.o module.o         # modular
obj-${CONFIG_PLAIN} += braces.o
ifdef CONFIG_MODULE
obj-m += always_module.o
	obj-$(subst m,y,$(CONFIG_MODULE)) += folded.o
endif
obj-$(subst y,$(CONFIG_MODULE),$(CONFIG_PLAIN)) += either.o
obj-$(CONFIG_UNHEARD_OF) += unheard.o
lib-$(CONFIG_MODULE) += library.o
extra-y += head.o
hostprogs-y := host.o
composite-objs := part.o $(addprefix deep/, a.o b.o)
composite-$(CONFIG_MODULE) += optional.o
module-y := $(patsubst %.c,%.o,part_of_module.c) both.o
continued-objs = both.o $(foreach n,1 2,each_$(n).o) $(VERSIONS:%=v%.o)
VERSIONS := 3 4
via-variable = through.o
loop-y := $(patsubst %.o,%.x.o,$(loop-y)) in_loop.o
obj-y += loop.o wide_$(BITS).o
# obj-m += commented.o
plain.o: CFLAGS = x.o
"""

VERDICTS = {
    "plain": "built-in",
    "part": "built-in",
    "deep/a": "built-in",
    "optional": "built-in",
    "through": "built-in",
    "sub/in_sub": "built-in",
    "braces": "built-in",
    "folded": "built-in",
    "library": "built-in",
    "head": "built-in",
    "in_loop": "built-in",
    "wide_64": "built-in",
    "continued": "modular",
    "module": "modular",
    "part_of_module": "modular",
    "both": "modular",
    "each_2": "modular",
    "v4": "modular",
    "always_module": "modular",
    "either": "modular",
    "unheard": "unknown",
    "host": "unknown",
    "commented": "unknown",
    "none": "unknown",
}


@pytest.fixture
def kernel(tmp_path: Path) -> Path:
    (tmp_path / "Kconfig").write_text(KCONFIG)
    (tmp_path / "mm" / "sub").mkdir(parents=True)
    (tmp_path / "mm" / "Makefile").write_text(MAKEFILE)
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts" / "Kconfig.test").write_text("config ONLY_A_TEST\n\tbool\n")
    return tmp_path


@pytest.mark.parametrize(("name", "verdict"), VERDICTS.items())
def test_linkage(kernel: Path, name: str, verdict: str) -> None:
    assert linkage(Directory(str(kernel)), f"mm/{name}.c") == verdict


def test_linkage_says_why(kernel: Path) -> None:
    way = linkage_of(Directory(str(kernel)), "mm/part_of_module.c")
    assert way.config == ("MODULE",)
    assert way.why == "mm: obj-$(CONFIG_MODULE), tristate <- module-y"


def test_kbuild_goes_before_makefile(kernel: Path) -> None:
    (kernel / "mm" / "Kbuild").write_text("obj-m += plain.o\n")
    assert linkage(Directory(str(kernel)), "mm/plain.c") == "modular"


def test_an_included_source_goes_where_its_includer_goes(kernel: Path) -> None:
    (kernel / "mm" / "module.c").write_text('#include "included.c"\n#include "sub/below.c"\n')
    for path in ("included.c", "sub/below.c", "header.h"):
        (kernel / "mm" / path).write_text("")
    tree = Directory(str(kernel))
    assert linkage(tree, "mm/included.c") == "modular"
    assert linkage(tree, "mm/sub/below.c") == "modular"
    assert linkage(tree, "mm/header.h") == "unknown"


def test_sources_that_include_each_other_end(kernel: Path) -> None:
    (kernel / "mm" / "one.c").write_text('#include "two.c"\n')
    (kernel / "mm" / "two.c").write_text('#include "one.c"\n')
    assert linkage(Directory(str(kernel)), "mm/one.c") == "unknown"


def test_an_object_listed_by_another_directory(kernel: Path) -> None:
    """As virt/kvm, whose objects the Makefiles of architectures list through an included file."""
    (kernel / "arch" / "x86" / "kvm").mkdir(parents=True)
    (kernel / "arch" / "x86" / "kvm" / "Makefile").write_text(
        "include $(srctree)/virt/Makefile.kvm\nobj-$(CONFIG_MODULE) += kvm.o\n"
    )
    (kernel / "virt").mkdir()
    (kernel / "virt" / "Makefile.kvm").write_text("KVM ?= ../../../virt\nkvm-y := $(KVM)/kvm_main.o\n")
    assert linkage(Directory(str(kernel)), "virt/kvm_main.c") == "modular"


def test_the_series_changes_makefile_and_kconfig(kernel: Path) -> None:
    tree = Directory(str(kernel))
    assert linkage(View(tree, {"mm/Makefile": b"obj-m += plain.o\n"}), "mm/plain.c") == "modular"
    changed = KCONFIG.replace('	bool "a prompt"', '	tristate "a prompt"').encode()
    assert linkage(View(tree, {"Kconfig": changed}), "mm/braces.c") == "modular"
    new = {"mm/Kconfig.new": b"config UNHEARD_OF\n\tbool\n"}
    assert linkage(View(tree, new), "mm/unheard.c") == "built-in"
    assert linkage(tree, "mm/plain.c") == "built-in"


@pytest.mark.parametrize(
    "text",
    [
        "".join(f"v{number} := $(v{number + 1}) $(v{number + 1})\n" for number in range(40))
        + "obj-y := $(v0)\n",
        "obj-y := " + "$(a " * 500,
        "$(",
        "a := $(a)\nobj-y += $(a)",
        "x = $(y)\ny = $(x)\nobj-y = $(x)",
        "include ../../../../etc/passwd\n",
        "$",
    ],
)
def test_a_hostile_makefile_ends(kernel: Path, text: str) -> None:
    (kernel / "mm" / "Makefile").write_text(text)
    assert linkage(Directory(str(kernel)), "mm/plain.c") == "unknown"


def test_a_makefile_of_functions() -> None:
    text = b"A := $(sort $(addsuffix .o, b a)) $(if $(X),c.o,d.o) $(notdir x/e.o) $(call f,g.o) $(shell rm -rf /)\n"
    makefile = read_makefile({"Makefile": text}.get, "")
    assert isinstance(makefile, Makefile)
    assert makefile.words("A") == ("b.o", "a.o", "c.o", "d.o", "e.o")


def test_config_symbols(kernel: Path) -> None:
    symbols = config_symbols(Directory(str(kernel)))
    kinds = {name: symbol.kind for name, symbol in symbols.items()}
    assert kinds == {
        "PLAIN": "bool",
        "MODULE": "tristate",
        "SELECTED": "bool",
        "FIRST": "bool",
        "NUMBER": "int",
        "DEF_MODULE": "tristate",
        "NO_TYPE": "",
    }
    assert symbols["SELECTED"].selected_by == ("MODULE", "PLAIN")
    assert {name for name, symbol in symbols.items() if symbol.prompt} == {
        "PLAIN",
        "MODULE",
        "FIRST",
        "NUMBER",
    }
    assert {name for name, symbol in symbols.items() if symbol.choice} == {"FIRST"}
    assert symbols["MODULE"].places == (("Kconfig", 10),)


def test_one_symbol(kernel: Path) -> None:
    (kernel / "mm" / "Kconfig.far").write_text("config PLAIN\n\ttristate\nconfig FAR\n\tbool\n")
    tree = Directory(str(kernel))
    for name, symbol in config_symbols(tree).items():
        one = config_symbol(tree, name)
        assert one and (one.kind, one.prompt) == (
            (symbol.kind, symbol.prompt) if name != "PLAIN" else ("bool", True)
        )
    assert config_symbol(tree, "NOT_A_SYMBOL") is None
    view = View(tree, {"mm/Kconfig.far": None, "net/Kconfig.new": b"config NEW\n\tint\n"})
    assert config_symbol(view, "FAR", "mm") is None
    new = config_symbol(view, "NEW", "mm")
    assert new and new.kind == "int"


def test_config_symbols_of_a_series(kernel: Path) -> None:
    tree = Directory(str(kernel))
    view = View(tree, {"mm/Kconfig": b"config ADDED\n\tbool\n", "Kconfig": None})
    assert set(config_symbols(view)) == {"ADDED"}
    assert "PLAIN" in config_symbols(tree)
    assert set(config_symbols(View(None, {"mm/Kconfig": b"config ADDED\n\tbool\n"}))) == {"ADDED"}


def test_the_widest_type_counts(kernel: Path) -> None:
    (kernel / "mm" / "Kconfig").write_text("config PLAIN\n\ttristate\n")
    symbol = config_symbols(Directory(str(kernel)))["PLAIN"]
    assert (symbol.kind, len(symbol.places)) == ("tristate", 2)


REAL = {
    "mm/gup.c": "built-in",
    "mm/zsmalloc.c": "modular",
    "mm/hugetlb.c": "built-in",
    "fs/ext4/inode.c": "modular",
    "fs/namei.c": "built-in",
    "kernel/sched/rt.c": "built-in",
    "kernel/trace/ring_buffer_benchmark.c": "modular",
    "virt/kvm/kvm_main.c": "modular",
    "drivers/gpu/drm/amd/display/dc/core/dc.c": "modular",
    "net/ipv4/tcp_cubic.c": "modular",
    "net/ipv6/ip6_output.c": "modular",
    "net/core/dev.c": "built-in",
    "arch/arm64/mm/mmu.c": "built-in",
    "arch/powerpc/kernel/process.c": "built-in",
}


@pytest.mark.skipif(not KERNEL, reason="PATCHSCAN_KERNEL_TREE is not set")
@pytest.mark.parametrize(("path", "verdict"), REAL.items())
def test_linkage_in_a_real_tree(path: str, verdict: str) -> None:
    assert linkage(open_tree(KERNEL), path) == verdict


@pytest.mark.skipif(not KERNEL, reason="PATCHSCAN_KERNEL_TREE is not set")
def test_every_symbol_of_a_real_tree_has_a_type() -> None:
    symbols = config_symbols(open_tree(KERNEL))
    assert len(symbols) > 15000
    assert [name for name, symbol in symbols.items() if not symbol.kind] == []
    assert (symbols["EXT4_FS"].kind, symbols["SMP"].kind) == ("tristate", "bool")
    assert "X86" in symbols["MMU_GATHER_RCU_TABLE_FREE"].selected_by
