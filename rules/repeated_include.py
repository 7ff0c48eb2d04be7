"""A header is included that the file includes already."""

from collections.abc import Iterator

from patchscan.rule import ChangedFile, Context, Finding, Rule, Silence, pattern

# Made to be included several times.
MEANT = pattern(
    r".*(?:template|tmpl|define_trace|defs?|list|table|inc|entry|events?|gen)\b.*|.*\.(?:c|def|inc)"
)
SET = pattern(rb"\s*#\s*(?:define|undef)\b")


def check(context: Context) -> Iterator[Finding | Silence]:
    """The #include lines that a patch adds to files that are known as a whole."""
    for file in context.c_files:
        if file.adds("#include") and file.state.after is not None:
            yield from judge(file)


def judge(file: ChangedFile) -> Iterator[Finding | Silence]:
    """The headers that one file names twice, both times under no condition."""
    from patchscan.c.includes import includes

    first: dict[tuple[str, bool], int] = {}
    text = file.state.after or b""
    for each in includes(text):
        if each.conditions or not each.name or MEANT.fullmatch(each.name):
            continue
        key = (each.name, each.quoted)
        before = first.setdefault(key, each.line)
        lines = {before, each.line}
        if (
            before != each.line
            and any(line in file.added_numbers and not file.was_there(line) for line in lines)
            and not is_prepared(text, before, each.line)
        ):
            new = each.line if each.line in file.added_numbers else before
            other = (lines - {new}).pop()
            yield file.finding(
                new,
                f"{each.name} is included in line {file.patch_line(other)} already: leave one out",
                (file.evidence(other),),
            )


def is_prepared(text: bytes, first: int, second: int) -> bool:
    """Whether a macro is given another meaning between two lines, for a header that is read with it."""
    return any(SET.match(line) for line in text.split(b"\n")[first : second - 1])


RULE = Rule(
    name="repeated-include",
    summary="A header is included that the file includes already",
    why=(
        "It does nothing, and shows that the list is in no order in which one would have seen it. A script of the tree "
        "looks for it, and build robots run that."
    ),
    source="scripts/checkincludes.pl (make includecheck)",
    severity="info",
    confidence="high",
    check=check,
    by_file=True,
    wakes=("#include",),
    bad=(
        """
>>> patch mm: walk
>>> file mm/walk.c
+#include <linux/err.h>
+#include <linux/slab.h>
+#include <linux/err.h> // want "linux/err.h is included in line"
+int walk;
""",
    ),
    good=(
        """
>>> patch mm: walk
>>> file mm/walk.c
+#include <linux/err.h>
+#include <linux/slab.h>
+#include "err.h"
+#include <trace/define_trace.h>
+#include <trace/define_trace.h>
+#ifdef CONFIG_WALK
+#include <linux/err.h>
+#endif
+int walk;
""",
        """
>>> patch mm: walk
>>> file mm/walk.c
+#include "walk-list.h"
+#define WALK(x) x
+#include "walk-list.h"
+int walk;
""",
        """
-#include <linux/err.h>
+#include <linux/slab.h>
+#include <linux/err.h>
 int walk;
""",
        """
+#define NAMES
+#include "walk_codes.h"
+#undef NAMES
+#include "walk_codes.h"
 int walk;
""",
    ),
)
