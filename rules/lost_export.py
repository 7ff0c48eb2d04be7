"""The export of a symbol goes, but a module still uses it."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from patchscan.rule import ChangedFile, Context, Evidence, Finding, Rule, Silence, pattern

if TYPE_CHECKING:
    from patchscan.lookup.uses import Use

EXPORT = pattern(r"^\s*EXPORT_(?:PER_CPU_)?SYMBOL\w*\s*\(\s*(\w+)")
USING: Final = ("call", "address", "initialiser", "reference")
MOST_SHOWN = 4


def check(context: Context) -> Iterator[Finding | Silence]:
    """Every export that the patch takes away and no patch so far puts elsewhere."""
    lost = [
        (file, line.old, match[1])
        for file in context.c_files
        for line in file.removed
        if (match := EXPORT.match(line.text)) and not exported_again(context, match[1])
    ]
    for file, line, symbol in lost:
        users = list(modules_using(context, file, symbol))
        if users:
            yield finding(context, file, line or 0, symbol, users)


def exported_again(context: Context, symbol: str) -> bool:
    """Whether an added line of this patch or an earlier one, or a removed definition, settles it."""
    for other in (*context.earlier, context):
        for file in other.c_files:
            for line in file.added:
                match = EXPORT.match(line.text)
                if match and match[1] == symbol:
                    return True
    return not any(symbol.encode() in (text or b"") for text in context.view.changed.values())


def modules_using(context: Context, file: ChangedFile, symbol: str) -> "Iterator[Use]":
    """The uses of a symbol in files of other modules, as the patch leaves the tree."""
    from patchscan.lookup.uses import find_uses

    found = find_uses(context.view, symbol)
    files = {use.path for use in found.of_kind("export") if use.path.endswith((".c", ".S"))}
    if files:
        return
    defining = {use.path for use in found.of_kind("definition")}
    if file.path not in defining and any(path.endswith(".h") for path in defining):
        return  # it moved into a header: nothing is left to link
    own = context.modules_of(file.path)
    local = {path for path in defining if path.endswith(".c") and path != file.path}
    for use in found.of_kind(*USING):
        elsewhere = (
            use.path.endswith(".c") and use.path != file.path and use.path not in local and not use.via
        )
        if elsewhere and context.linkage(use.path) == "modular":
            modules = context.modules_of(use.path)
            if modules and modules != own:
                yield use


def finding(
    context: Context, file: ChangedFile, line: int, symbol: str, users: "list[Use]"
) -> Finding | Silence:
    """The finding, at the line that now stands where the export stood."""
    place = max((number for number in file.touched_numbers if number <= line), default=line)
    place -= not file.text_at(place)
    for other in context.later:
        if any(
            EXPORT.match(each.text) and symbol in each.text for one in other.c_files for each in one.added
        ):
            return file.fine(place, f"patch {other.patch.index} exports {symbol} again")
        if any(
            symbol in each.text for one in other.c_files for each in one.removed if one.path == users[0].path
        ):
            return file.fine(place, f"patch {other.patch.index} changes a user of {symbol}")
    paths = list(dict.fromkeys(use.path for use in users))
    more = f" and {len(paths) - MOST_SHOWN} more" if len(paths) > MOST_SHOWN else ""
    return file.finding(
        place,
        f"'{symbol}' is no longer exported, but {', '.join(paths[:MOST_SHOWN])}{more} can be a module and uses it: it "
        "does not link (undefined!)",
        tuple(Evidence(use.path, use.line, use.text.strip()) for use in users[:MOST_SHOWN]),
    )


RULE = Rule(
    name="lost-export",
    summary="A symbol is no longer exported, but a module uses it",
    why="modpost refuses the module, as its symbol is undefined; a build of it into the kernel shows nothing.",
    source="Documentation/kbuild/modules.rst (module versioning, modpost); kernel test robot: undefined!",
    severity="warning",
    confidence="high",
    check=check,
    needs_tree=True,
    bad=(
        """
>>> tree mm/Makefile
obj-y += walk.o
>>> tree drivers/Makefile
obj-$(CONFIG_TICK) += tick.o
>>> tree drivers/Kconfig
config TICK
	tristate "Tick"
>>> tree drivers/tick.c
static int tick(void)
{
	return walk(1);
}
module_init(tick);
>>> patch mm: nobody walks any more
>>> file mm/walk.c
 int walk(int depth)
 {
 	return depth;
 } // want "'walk' is no longer exported, but drivers/tick.c can be a module and uses it"
-EXPORT_SYMBOL_GPL(walk);
""",
    ),
    good=(
        """
>>> tree mm/Makefile
obj-y += walk.o run.o
>>> tree mm/run.c
int run(void)
{
	return walk(1);
}
>>> patch mm: nobody walks any more
>>> file mm/walk.c
 int walk(int depth)
 {
 	return depth;
 }
-EXPORT_SYMBOL_GPL(walk);
""",
        """
>>> tree mm/Makefile
obj-y += walk.o deep.o
>>> tree drivers/Makefile
obj-$(CONFIG_TICK) += tick.o
>>> tree drivers/Kconfig
config TICK
	tristate "Tick"
>>> tree drivers/tick.c
static int tick(void)
{
	return walk(1);
}
module_init(tick);
>>> patch mm: walk elsewhere
>>> file mm/walk.c
-int walk(int depth)
-{
-	return depth;
-}
-EXPORT_SYMBOL_GPL(walk);
 int other;
>>> file mm/deep.c
 int deep;
+int walk(int depth)
+{
+	return depth;
+}
+EXPORT_SYMBOL_NS_GPL(walk, "MM");
""",
        """
>>> tree mm/Makefile
obj-y += walk.o
>>> tree drivers/Makefile
obj-$(CONFIG_TICK) += tick.o
>>> tree drivers/Kconfig
config TICK
	tristate "Tick"
>>> tree drivers/tick.c
static int walk(int depth)
{
	return 0;
}
static int tick(void)
{
	return walk(1);
}
module_init(tick);
>>> patch mm: nobody walks any more
>>> file mm/walk.c
 int walk(int depth)
 {
 	return depth;
 }
-EXPORT_SYMBOL_GPL(walk);
""",
        """
>>> tree include/linux/walk.h
int walk(int depth);
>>> tree mm/Makefile
obj-y += walk.o
>>> tree drivers/Makefile
obj-$(CONFIG_TICK) += tick.o
>>> tree drivers/Kconfig
config TICK
	tristate "Tick"
>>> tree drivers/tick.c
#include <linux/walk.h>
static int tick(void)
{
	return walk(1);
}
module_init(tick);
>>> patch mm: walk in the header
>>> file include/linux/walk.h
-int walk(int depth);
+static __always_inline int walk(int depth)
+{
+	return depth;
+}
>>> file mm/walk.c
-int walk(int depth)
-{
-	return depth;
-}
-EXPORT_SYMBOL_GPL(walk);
 int other = walk(1);
""",
    ),
)
