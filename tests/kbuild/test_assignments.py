"""The statements of Makefiles: what make reads as one line, what it sets, and what it hands to the shell."""

import pytest
from patchscan.basics.buildfiles import is_kconfig, is_makefile
from patchscan.kbuild.assignments import ListName, list_name, statements

TEXT = """\
# What mm is made of.
obj-y := fault.o \\
	 memory.o # and more \\
	 of the comment
ifdef CONFIG_ADVISE
	obj-$(CONFIG_ADVISE)	+= madvise.o
endif
table.h: table.c
	obj-y += in_a_recipe.o
export empty =
	obj-m += after_it.o
"""


def test_lines_are_joined_and_recipes_left_out() -> None:
    assert [(each.text, each.first_line, each.last_line, each.depth) for each in statements(TEXT)] == [
        ("obj-y := fault.o memory.o", 2, 4, 0),
        ("ifdef CONFIG_ADVISE", 5, 5, 1),
        ("obj-$(CONFIG_ADVISE) += madvise.o", 6, 6, 1),
        ("endif", 7, 7, 0),
        ("table.h: table.c", 8, 8, 0),
        ("export empty =", 10, 10, 0),
        ("obj-m += after_it.o", 11, 11, 0),
    ]


def test_the_options_that_conditionals_ask_for() -> None:
    text = (
        "ifdef CONFIG_A\nifneq ($(CONFIG_B),)\nobj-y += both.o\nendif\nobj-y += one.o\nelse\nobj-y += other.o\nendif\n"
        "ifeq ($(CONFIG_A),m)\nobj-y += module.o\nendif\nifndef CONFIG_A\nobj-y += without.o\nendif\nobj-y += plain.o\n"
    )
    found = {each.text.split()[-1]: each.options for each in statements(text) if each.assignment is not None}
    assert found == {
        "both.o": ("A", "B"),
        "one.o": ("A",),
        "other.o": None,
        "module.o": None,
        "without.o": None,
        "plain.o": (),
    }


def test_what_is_set() -> None:
    found = [each.assignment for each in statements(TEXT)]
    assert [(each.name, each.value) for each in found if each is not None] == [
        ("obj-y", "fault.o memory.o"),
        ("obj-$(CONFIG_ADVISE)", "madvise.o"),
        ("empty", ""),
        ("obj-m", "after_it.o"),
    ]


def test_a_text_that_ends_in_the_middle() -> None:
    (only,) = statements("obj-y := fault.o \\")
    assert only.text == "obj-y := fault.o"


@pytest.mark.parametrize(
    ("name", "stem", "option"),
    [
        ("obj-y", "obj", ""),
        ("ext4-objs", "ext4", ""),
        ("mmu-${CONFIG_MMU}", "mmu", "MMU"),
        ("obj-$(subst m,y,$(CONFIG_NET))", "obj", None),
    ],
)
def test_the_names_of_lists(name: str, stem: str, option: str | None) -> None:
    found = list_name(name)
    assert isinstance(found, ListName) and (found.stem, found.option) == (stem, option)


def test_what_is_no_list() -> None:
    assert list_name("ccflags-remove") is None


def test_files_that_say_what_is_built() -> None:
    assert [
        name
        for name in ("mm/Makefile", "mm/Kbuild", "x/Makefile.lib", "a.mk", "mm/Make.c")
        if is_makefile(name)
    ] == ["mm/Makefile", "mm/Kbuild", "x/Makefile.lib", "a.mk"]
    assert is_kconfig("mm/Kconfig") and is_kconfig("arch/x86/Kconfig.debug") and not is_kconfig("mm/config")
