"""An option selects another one, and not what that one depends on."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from patchscan.rule import ChangedFile, Context, Finding, Rule, Silence, pattern

if TYPE_CHECKING:
    from patchscan.kconfig.selecting import Configuration, Select

FILE = pattern(r"(?:^|/)Kconfig(?:\.[\w-]+)?$")
SELECT = pattern(r"\s+select\s+\w")
ASKS = pattern(r"\s*(?:depends\s+on|if)\b")
MOST_SHOWN = 4
NEAR = 20


def check(context: Context) -> Iterator[Finding | Silence]:
    """The selects that the patch adds, and those of entries from which it takes a dependency."""
    for file in context.files:
        lost = any(ASKS.match(line.text) for line in file.removed)
        adds = any(SELECT.match(line.text) for line in file.added)
        if FILE.search(file.path) and (lost or adds) and context.has_tree and file.state.after is not None:
            yield from judge(context, file, file.state.after.decode("utf-8", "surrogateescape"), lost)


def judge(context: Context, file: ChangedFile, text: str, lost: bool) -> Iterator[Finding]:
    """What is to be said of the selects of one file; lost: whether the patch takes a dependency from it."""
    from patchscan.kconfig.selecting import missing, selects_in, unmet, without_change

    for each in selects_in(text):
        added = file.patch_line(each.line) in {line.new for line in file.added}
        if not added and not (lost and is_near(file, each.line)):
            continue
        found = unmet(context.view, each)
        if found is not None and (added or unmet(without_change(context.view, file.state), each) is None):
            yield say(context, file, each, found, missing(context.view, each.target, found))


def is_near(file: ChangedFile, line: int) -> bool:
    """Whether the patch changes a line close by."""
    return any(abs(line - each) < NEAR for each in file.touched_numbers)


def say(
    context: Context, file: ChangedFile, select: "Select", found: "Configuration", lacks: Sequence[str]
) -> Finding:
    """The finding, with the options that show it."""
    names = ", ".join(lacks[:MOST_SHOWN])
    return context.claimed(
        file.finding(
            select.line,
            f"{select.name} selects {select.target}, but not what that depends on: {names} may be off then "
            f"({found.shown(MOST_SHOWN)}); kconfig warns of unmet direct dependencies, and what is selected may not "
            "build: depend on it, or select that, too",
        )
    )


RULE = Rule(
    name="unmet-dependency",
    summary="An option selects another one that depends on what may be off",
    why=(
        "select turns an option on and asks for nothing that this one depends on. kconfig warns, and what was selected "
        "is built without what it needs: a build robot finds in a random configuration that it does not link."
    ),
    source=(
        "Documentation/kbuild/kconfig-language.rst (reverse dependencies: select should be used with care); reports of "
        "the kernel test robot: unmet direct dependencies detected"
    ),
    severity="warning",
    confidence="medium",
    check=check,
    by_file=True,
    needs_tree=True,
    wakes=("select", "depends on"),
    bad=(
        """
>>> tree Kconfig
source "mm/Kconfig"
>>> tree mm/Kconfig
config BUS
	bool "Bus"
config BUS_MAP
	bool
	depends on BUS
config FAR
	bool "Far"
>>> patch mm: walk
Walk.
>>> file mm/Kconfig
 config BUS
 	bool "Bus"
 config BUS_MAP
 	bool
 	depends on BUS
 config FAR
 	bool "Far"
+config WALK
+	bool "Walk"
+	depends on FAR
+	select BUS_MAP // want "WALK selects BUS_MAP, but not what that depends on: BUS may be off then"
+	help
+	  Walk all entries.
""",
        """
>>> tree Kconfig
source "mm/Kconfig"
>>> tree mm/Kconfig
config BUS
	bool "Bus"
config BUS_MAP
	bool
	depends on BUS
config WALK
	bool "Walk"
	depends on BUS
	select BUS_MAP
>>> patch mm: walk
Walk.
>>> file mm/Kconfig
 config BUS
 	bool "Bus"
 config BUS_MAP
 	bool
 	depends on BUS
 config WALK
 	bool "Walk"
-	depends on BUS
 	select BUS_MAP // want "WALK selects BUS_MAP"
""",
    ),
    good=(
        """
>>> tree Kconfig
source "mm/Kconfig"
>>> tree mm/Kconfig
config BUS
	bool "Bus"
config BUS_MAP
	bool
	depends on BUS
>>> patch mm: walk
Walk.
>>> file mm/Kconfig
 config BUS
 	bool "Bus"
 config BUS_MAP
 	bool
 	depends on BUS
+config WALK
+	bool "Walk"
+	depends on BUS
+	select BUS_MAP
+config WALK_FAR
+	bool "Walk far"
+	select BUS
+	select BUS_MAP
+config WALK_BOTH
+	bool "Walk both"
+	select BUS_MAP if BUS
+	help
+	  It can
+	  select BUS_MAP, too.
""",
        """
>>> tree Kconfig
source "mm/Kconfig"
>>> tree mm/Kconfig
config BUS
	bool "Bus"
config BUS_MAP
	bool
	depends on BUS
config WALK
	bool "Walk"
	select BUS_MAP
>>> patch mm: walk
Walk.
>>> file mm/Kconfig
 config BUS
 	bool "Bus"
 config BUS_MAP
 	bool
 	depends on BUS
 config WALK
 	bool "Walk"
 	select BUS_MAP
+	help
+	  Walk all.
""",
        """
>>> tree Kconfig
source "mm/Kconfig"
>>> tree mm/Kconfig
config PLAIN
	bool
>>> patch mm: walk
Walk.
>>> file mm/Kconfig
 config PLAIN
 	bool
+if PLAIN
+config WALK
+	bool "Walk"
+	select PLAIN
+	select NOWHERE
+endif
""",
    ),
)
