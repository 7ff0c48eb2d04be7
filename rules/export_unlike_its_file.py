"""A symbol exported to all modules from a file that exports the others to GPL modules."""

from collections.abc import Iterator

from patchscan.rule import Context, Finding, Rule, Silence


def check(context: Context) -> Iterator[Finding | Silence]:
    """The exports that a patch adds without _GPL, where all that the file had were with it."""
    for file in context.c_files:
        if not file.adds("EXPORT_SYMBOL") or file.state.after is None:
            continue
        exports = [each for source in file.after for each in source.exports()]
        added = [
            each for each in exports if each.line in file.added_numbers and not file.was_there(each.line)
        ]
        lines = {each.line for each in added}
        others = [each for each in exports if each.line not in lines]
        if len(others) < 2 or not all("GPL" in each.macro for each in others):
            continue
        for export in added:
            if export.macro == "EXPORT_SYMBOL":
                yield file.finding(
                    export.line,
                    f"all other exports of this file are EXPORT_SYMBOL_GPL(): is {export.symbol} meant to differ?",
                    (file.evidence(others[0].line),),
                )


RULE = Rule(
    name="export-unlike-its-file",
    summary="A symbol is exported to all modules, unlike the others of its file",
    why="Which modules may use an interface is a choice of its authors; who copies the shorter line rarely makes one.",
    source="include/linux/export.h; Documentation/kernel-hacking/hacking.rst (EXPORT_SYMBOL_GPL())",
    severity="info",
    confidence="medium",
    check=check,
    bad=(
        """
>>> tree block/part.c
EXPORT_SYMBOL_GPL(part_get);
EXPORT_SYMBOL_GPL(part_find);
>>> patch block: export part_put()
Export it.
>>> file block/part.c
 EXPORT_SYMBOL_GPL(part_get);
 EXPORT_SYMBOL_GPL(part_find);
+EXPORT_SYMBOL(part_put); // want "all other exports of this file are EXPORT_SYMBOL_GPL.*is part_put meant"
""",
    ),
    good=(
        """
>>> tree block/part.c
EXPORT_SYMBOL_GPL(part_get);
EXPORT_SYMBOL(part_find);
>>> patch block: export part_put()
Export it.
>>> file block/part.c
 EXPORT_SYMBOL_GPL(part_get);
 EXPORT_SYMBOL(part_find);
+EXPORT_SYMBOL(part_put);
""",
        """
>>> tree block/part.c
EXPORT_SYMBOL_GPL(part_get);
EXPORT_SYMBOL_GPL(part_find);
EXPORT_SYMBOL(part_put);
>>> patch block: move part_put()
Move it.
>>> file block/part.c
@@ -1,3 +1,3 @@
+EXPORT_SYMBOL(part_put);
 EXPORT_SYMBOL_GPL(part_get);
 EXPORT_SYMBOL_GPL(part_find);
-EXPORT_SYMBOL(part_put);
""",
        """
>>> patch block: add a part
Add it.
>>> file block/part.c
+EXPORT_SYMBOL(part_put);
+EXPORT_SYMBOL_GPL(part_find);
""",
    ),
    wakes=("export_symbol(",),
)
