"""When an object is built by plain Makefiles, and the search for configurations with some options and not others."""

import pytest
from patchscan.basics.formula import config, follows
from patchscan.kbuild.built import built_exactly_when
from patchscan.kconfig.solve import find_anywhere, find_configuration
from patchscan.testing import MemoryTree
from patchscan.tree.overlay import View


def view(**files: str) -> View:
    named = {name.replace("__", "/"): text.encode() for name, text in files.items()}
    return View(MemoryTree("test", named), {})


def chosen(kconfig: str, wanted: str, unwanted: str) -> list[str] | None:
    """The options turned on so that one option is on and another off; None where no way was found."""
    found = find_configuration(view(mm__Kconfig=kconfig), config(wanted), config(unwanted))
    return None if found is None else sorted(found.telling)


WALK = 'config WALK\n\tbool "Walk"\n'


@pytest.mark.parametrize(
    ("kconfig", "found"),
    [
        ("config HUGE\n\tbool \"Huge\"\n", ["WALK"]),
        ("config HUGE\n\tbool \"Huge\"\n\tdefault y\n", ["WALK"]),
        ("config HUGE\n\tdef_bool y\n", None),
        ("config HUGE\n\tdef_bool y\n\tdepends on BIG\nconfig BIG\n\tbool \"Big\"\n", ["WALK"]),
        ("config HUGE\n\tdef_bool y\n\tdepends on !BIG\nconfig BIG\n\tbool \"Big\"\n", None),
        ("config HUGE\n\tdef_bool WALK\n", None),
        ("config HUGE\n\tdef_bool WALK != n\n", None),
        ("config HUGE\n\tbool \"Huge\" if BIG\n\tdefault y\nconfig BIG\n\tbool \"Big\"\n", None),
        ("config HUGE\n\tbool\nconfig BIG\n\tdef_bool y\n\tselect HUGE if WALK\n", None),
        ("config HUGE\n\tbool\nconfig BIG\n\tdef_bool y\n\tselect HUGE if !WALK\n", ["WALK"]),
        ("config HUGE\n\tbool\nconfig BIG\n\tdef_bool y\n\timply HUGE\n", None),
        ("choice\n\tprompt \"Size\"\nconfig HUGE\n\tbool \"Huge\"\nconfig SMALL\n\tbool \"Small\"\nendchoice\n", None),
        ("config HUGE\n\tdef_bool $(cc-option,-mhuge)\n", None),
        ("if WALK\nconfig HUGE\n\tdef_bool y\nendif\n", None),
        ("config HUGE\n\tbool \"Huge\"\n\thelp\n\t  Say y. It was\n\n\t  select WALK\n\tdef_bool y\n", ["WALK"]),
    ],
)  # fmt: skip
def test_an_option_can_be_off(kconfig: str, found: list[str] | None) -> None:
    assert chosen(WALK + kconfig, "WALK", "HUGE") == found


@pytest.mark.parametrize(
    ("kconfig", "found"),
    [
        ('config WALK\n\tbool "Walk"\n\tdepends on HUGE || BIG\n', ["BIG", "WALK"]),
        ('config WALK\n\tbool "Walk"\n\tdepends on HUGE=y || BIG\n', ["BIG", "WALK"]),
        ('config WALK\n\tbool "Walk"\n\tdepends on HUGE\n', None),
        ('config WALK\n\tbool "Walk"\n\tdepends on BIG=m\n', None),
        ('config WALK\n\tbool\nconfig FAST\n\tbool "Fast"\n\tselect WALK\n\tselect HUGE\n', None),
        ("config WALK\n\tdef_bool BIG\n", ["BIG"]),
        ('config WALK\n\tbool "Walk"\n\tdepends on HUGE || !HUGE\n', ["WALK"]),
        ('menu "M"\n\tdepends on HUGE\nconfig WALK\n\tbool "Walk"\nendmenu\n', None),
    ],
)
def test_an_option_can_be_on(kconfig: str, found: list[str] | None) -> None:
    others = 'config HUGE\n\ttristate "Huge"\nconfig BIG\n\ttristate "Big"\n'
    assert chosen(others + kconfig, "WALK", "HUGE") == found


def test_what_stands_around_a_sourced_file_counts() -> None:
    tree = view(
        Kconfig='if BIG\nsource "mm/Kconfig"\nendif\nconfig BIG\n\tbool "Big"\n\tselect HUGE\nconfig HUGE\n\tbool\n',
        mm__Kconfig=WALK,
    )
    assert find_configuration(tree, config("WALK"), config("HUGE")) is None
    found = find_configuration(tree, config("BIG"), config("WALK"))
    assert found is not None and found.telling == {"BIG"}


def test_an_architecture_has_its_own_kconfig() -> None:
    tree = view(
        mm__Kconfig=WALK,
        arch__x86__Kconfig="config HUGE\n\tdef_bool y\n",
        arch__arm64__Kconfig='config HUGE\n\tbool "Huge"\n',
    )
    found = find_configuration(tree, config("WALK"), config("HUGE"))
    assert found is not None and found.architecture == "arm64"


@pytest.mark.parametrize(
    ("makefile", "option"),
    [
        ("obj-$(CONFIG_WALK) += walk.o\n", "WALK"),
        ("obj-y += big.o\nbig-$(CONFIG_WALK) += other.o \\\n\twalk.o\n", "WALK"),
        ("obj-y += first.o $(mmu-y)\nmmu-$(CONFIG_WALK) := walk.o\n", "WALK"),
        ("obj-$(CONFIG_WALK) += big.o\nbig-objs := walk.o\n", "WALK"),
        ("ifdef CONFIG_WALK\nobj-y += walk.o\nendif\n", "WALK"),
        ("ifneq ($(CONFIG_WALK),)\nobj-y += big.o\nendif\nbig-y := walk.o\n", "WALK"),
        ("ifdef CONFIG_BIG\nelse\nobj-$(CONFIG_WALK) += walk.o\nendif\n", None),
        ("obj-$(subst m,y,$(CONFIG_WALK)) += walk.o\n", None),
        ("obj-$(CONFIG_WALK) += $(addsuffix .o,walk)\n", None),
        ("lib-$(CONFIG_WALK) += walk.o\n", None),
        ("OBJECTS = walk.o\nobj-$(CONFIG_WALK) += walk.o\n", None),
        ("big-y := walk.o\nbig-$(CONFIG_WALK) := run.o\nobj-y += $(big-y)\n", None),
        ("big-y := run.o\nbig-$(CONFIG_WALK) += walk.o\nobj-y += $(big-y)\n", "WALK"),
    ],
)
def test_what_builds_an_object(makefile: str, option: str | None) -> None:
    built = built_exactly_when(view(mm__Makefile=makefile), "mm/walk.c")
    if option is None:
        assert built is None
    else:
        assert built is not None and follows(built, config(option)) and follows(config(option), built)


def test_directories_have_options_too() -> None:
    tree = view(
        Kbuild="obj-$(CONFIG_NET) += net/\nobj-y += mm/\n",
        net__Makefile="obj-$(CONFIG_INET) += ipv4/\nobj-$(CONFIG_IPV6) += ipv4/\n",
        net__ipv4__Makefile="obj-y += route.o\n",
        mm__Makefile="obj-y += walk.o\n",
        fs__Makefile="obj-y += open.o\n",
    )
    built = built_exactly_when(tree, "net/ipv4/route.c")
    assert built is not None and built.atoms == {"NET", "INET", "IPV6"}
    assert follows(built, config("NET"), config("IPV6")) and not follows(built, config("INET"))
    always = built_exactly_when(tree, "mm/walk.c")
    assert always is not None and not always.atoms
    assert built_exactly_when(tree, "fs/open.c") is None


@pytest.mark.parametrize(
    ("depends", "shown"),
    [
        ("X86_32", "x86 of 32 bits with CONFIG_WALK"),
        ("S390 && !HUGE", "s390 with CONFIG_WALK"),
        ("SLOT", "x86 of 32 bits with CONFIG_SLOT, CONFIG_WALK"),
        ("S390 && X86_32", None),
        ("!HUGE", "x86 with CONFIG_WALK"),
    ],
)
def test_a_machine_that_an_option_asks_for_is_looked_at(depends: str, shown: str | None) -> None:
    common = f'source "arch/$(SRCARCH)/Kconfig"\nconfig HUGE\n\tbool "Huge"\n{WALK}\tdepends on {depends}\n'
    wide = 'config X86\n\tdef_bool y\nconfig 64BIT\n\tbool "Wide"\nconfig X86_32\n\tdef_bool y\n\tdepends on !64BIT\n'
    slot = 'config SLOT\n\tbool "Slot"\n\tdepends on X86_32\n'
    tree = view(
        Kconfig=common, arch__x86__Kconfig=wide + slot, arch__s390__Kconfig="config S390\n\tdef_bool y\n"
    )
    found = find_anywhere(tree, config("WALK"), config("HUGE"))
    assert (found and found.shown(9)) == shown
