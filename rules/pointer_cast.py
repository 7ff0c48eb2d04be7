"""A pointer is cast to an integer or enum of another size, or such an integer to a pointer."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from patchscan.rule import ChangedFile, Context, Finding, Function, Rule, Silence, pattern

if TYPE_CHECKING:
    from patchscan.lookup.typeof import Types
    from tree_sitter import Node

CAST = pattern(r"\(\s*(?:(?:unsigned|signed|const|enum|struct|union|void)\s+)*\w+\s*\**\s*\)\s*[\w(&*]")
NARROW = pattern(
    r"enum \w+|(?:__)?[us](?:8|16|32)|u?int(?:8|16|32)_t|(?:unsigned |signed )?(?:int|short|char)|unsigned"
)
WIDE = pattern(r"(?:__)?[us]64|u?int64_t|(?:unsigned )?long long")
POINTER = pattern(r"[\w ]+\*+")
# What gives back a pointer that nobody declares otherwise.
POINTERS = frozenset(
    (
        "of_device_get_match_data",
        "device_get_match_data",
        "i2c_get_match_data",
        "spi_get_device_match_data",
        "dev_get_drvdata",
        "dev_get_platdata",
        "platform_get_drvdata",
        "i2c_get_clientdata",
        "spi_get_drvdata",
        "pci_get_drvdata",
    )
)


def check(context: Context) -> Iterator[Finding | Silence]:
    """The casts on added lines of C files."""
    for file in context.c_files:
        if file.path.endswith(".c") and any(CAST.search(line.text) for line in file.added):
            for function in file.functions:
                if not function.partial:
                    yield from judge(context, file, function)


def judge(context: Context, file: ChangedFile, function: Function) -> Iterator[Finding]:
    """The casts of one function."""
    from patchscan.lookup.typeof import plain, types_in

    types: Types | None = None
    for node in function.nodes("cast_expression"):
        line = function.source.line_of(node)
        kind, value = node.child_by_field_name("type"), node.child_by_field_name("value")
        if (
            kind is None
            or value is None
            or node.has_error
            or line not in file.added_numbers
            or file.was_there(line)
        ):
            continue
        shown = plain(function.source.text_of(kind))
        if not any(each.fullmatch(shown) for each in (NARROW, WIDE, POINTER)):
            continue
        types = types or types_in(context, file, function)
        given = type_of(function, types, value)
        sizes = sizes_that_differ(shown, given)
        built = sizes and context.has_tree and where(context, file, sizes)
        if built:
            yield say(file, line, types.written(value), given, shown, sizes)


def type_of(function: Function, types: "Types", value: "Node") -> str:
    """The type of a value, as far as it is known."""
    if value.type == "call_expression" and function.call(value).name in POINTERS:
        return "void *"
    return types.of(value)


def sizes_that_differ(target: str, given: str) -> int:
    """On machines of how many bits a cast changes the size between pointer and integer, 0 for none that is known."""
    number = given if POINTER.fullmatch(target) else target if POINTER.fullmatch(given) else ""
    if POINTER.fullmatch(target) and POINTER.fullmatch(given):
        return 0
    return 64 if NARROW.fullmatch(number) else 32 if WIDE.fullmatch(number) else 0


def where(context: Context, file: ChangedFile, bits: int) -> bool:
    """Whether the file is built on such a machine."""
    from patchscan.lookup.narrow import built_narrow, built_wide

    return (built_wide if bits == 64 else built_narrow)(context, file.path) is not None


def say(file: ChangedFile, line: int, value: str, given: str, target: str, bits: int) -> Finding:
    """The finding."""
    back = POINTER.fullmatch(target) is not None
    option = "-Wint-to-pointer-cast" if back else "-Wpointer-to-int-cast"
    if target.startswith("enum "):
        option += ", clang -Wvoid-pointer-to-enum-cast"
    return file.finding(
        line,
        f"'{value}' is '{given}', and '{target}' has another size on {bits} bits: the compiler warns ({option}); "
        "where it is meant so, by way of (unsigned long)",
    )


RULE = Rule(
    name="pointer-cast",
    summary="A pointer is cast to an integer or enum of another size, or the reverse",
    why=(
        "What is cut off is lost: an address above 4 GiB, or a device's data that was no small number after all. The "
        "compiler warns on the machines where the sizes differ, and a build robot builds for these, too."
    ),
    source="gcc -Wpointer-to-int-cast, -Wint-to-pointer-cast; clang -Wvoid-pointer-to-enum-cast; kernel test robot",
    severity="warning",
    confidence="high",
    check=check,
    by_file=True,
    by_effect=True,
    needs_tree=True,
    bad=(
        """
>>> tree Kconfig
source "mm/Kconfig"
>>> tree mm/Kconfig
config WALK
	bool "Walk"
config 64BIT
	bool "64-bit kernel"
>>> tree Kbuild
obj-y += mm/
>>> tree mm/Makefile
obj-$(CONFIG_WALK) += example.o
>>> patch mm: walk
>>> file mm/example.c
+enum walk_mode { WALK_FAST };
+struct walk { void *data; u32 where; };
+int walk(struct walk *walk, struct device *dev)
+{
+	u32 low = (u32)walk; // want "'walk' is 'struct walk .', and 'u32' has another size on 64 bits"
+	enum walk_mode mode = (enum walk_mode)of_device_get_match_data(dev); // want "clang -Wvoid-pointer-to-enum-cast"
+	void *page = (void *)walk->where; // want "'walk->where' is 'u32', and 'void .' has.*Wint-to-pointer-cast"
+
+	return low + mode + !page;
+}
""",
    ),
    good=(
        """
>>> tree Kconfig
source "mm/Kconfig"
>>> tree mm/Kconfig
config WALK
	bool "Walk"
config 64BIT
	bool "64-bit kernel"
>>> tree Kbuild
obj-y += mm/
>>> tree mm/Makefile
obj-$(CONFIG_WALK) += example.o
>>> patch mm: walk
>>> file mm/example.c
+struct walk { void *data; u32 where; unsigned long all; };
+int walk(struct walk *walk, struct device *dev)
+{
+	u32 low = (u32)(unsigned long)walk;
+	void *page = (void *)(uintptr_t)walk->where;
+	void *other = (void *)walk->all;
+	unsigned long mode = (unsigned long)of_device_get_match_data(dev);
+
+	return low + mode + !page + (u32)walk->all + !(struct walk *)other + (int)unknown(walk);
+}
""",
        """
>>> tree Kconfig
source "mm/Kconfig"
>>> tree mm/Kconfig
config WALK
	bool "Walk"
	depends on !64BIT
config 64BIT
	bool "64-bit kernel"
>>> tree Kbuild
obj-y += mm/
>>> tree mm/Makefile
obj-$(CONFIG_WALK) += example.o
>>> patch mm: walk
>>> file mm/example.c
+int walk(struct walk *walk)
+{
+	return (u32)walk;
+}
""",
        """
 int walk(struct walk *walk)
 {
+	walk_on(walk);
 	return (u32)walk;
 }
""",
    ),
)
