"""A macro is defined a second time, after a header that has defined it already was included."""

from collections.abc import Iterator

from patchscan.rule import ChangedFile, Context, Finding, Macro, Rule, Silence, Source


def check(context: Context) -> Iterator[Finding | Silence]:
    """The macros of C files before which the patch adds an #include, or which it defines."""
    for file in context.c_files:
        whole = file.path.endswith(".c") and file.used == "tree" and file.state.after is not None
        if whole and file.adds("include", "define"):
            yield from judge(context, file)


def judge(context: Context, file: ChangedFile) -> Iterator[Finding | Silence]:
    """What is to be said of the macros of one file."""
    from patchscan.lookup.redefined import defined_before

    source = file.after[0]
    added = [
        each.line for each in source.directives if each.name == "include" and each.line in file.added_numbers
    ]
    asked = []
    for macro in source.macros():
        new = macro.line in file.added_numbers and not file.was_there(macro.line)
        included = [line for line in added if line < macro.line and not file.was_there(line)]
        if (new or included) and is_bare(source, macro):
            asked.append((macro, new, included))
    context.look_ahead({macro.name for macro, _, _ in asked})
    for macro, new, included in asked:
        place = defined_before(context.view, source, macro)
        if place is None:
            continue
        if not new and any(was_so(context, old, macro) for old in file.before):
            yield file.fine(macro.line, f"{macro.name} was defined twice before")
            continue
        line = macro.line if new else included[-1]
        where = "" if new else f" in line {file.patch_line(macro.line)}"
        yield file.finding(
            line,
            f"'{macro.name}' is redefined{where}: a header that is included before defines it, too "
            f"({place.path}:{place.line}); put the #define above the #include lines",
            (place,),
        )


def is_bare(source: Source, macro: Macro) -> bool:
    """Whether nothing around or before a definition asks whether the macro is there."""
    before = [each for each in source.directives if each.line < macro.line]
    asked = any(
        each.name in ("undef", "ifndef", "ifdef", "if") and macro.name in each.text for each in before
    )
    return not asked and not source.conditions_at(macro.line)


def was_so(context: Context, old: Source, macro: Macro) -> bool:
    """Whether the file defined the macro twice before the patch."""
    from patchscan.lookup.redefined import defined_before

    same = next((each for each in old.macros() if each.name == macro.name), None)
    return same is not None and defined_before(context.view, old, same) is not None


RULE = Rule(
    name="macro-redefined",
    summary="A macro is defined after a header that defines it, too, was included",
    why=(
        "The compiler warns, and what the header made of the macro until then used the other meaning: pr_fmt() has to "
        "be defined before the first #include, for printk.h gives it a default."
    ),
    source="C11 6.10.3; Documentation/core-api/printk-basics.rst (pr_fmt)",
    severity="warning",
    confidence="high",
    check=check,
    wakes=("include", "define"),
    needs_tree=True,
    bad=(
        """
>>> tree include/linux/printk.h
#ifndef _PRINTK_H
#define _PRINTK_H
#ifndef pr_fmt
#define pr_fmt(fmt) fmt
#endif
#endif
>>> tree include/linux/kernel.h
#include <linux/printk.h>
>>> patch net: more headers
>>> file net/socket.c
+#include <linux/kernel.h> // want "'pr_fmt' is redefined in line 2: .*include/linux/printk.h:4"
 #define pr_fmt(fmt) "socket: " fmt
 #include <linux/printk.h>
""",
        """
>>> tree include/linux/limits.h
#define MOST_SOCKETS 4
>>> patch net: limits
>>> file net/socket.c
 #include <linux/limits.h>
+#define MOST_SOCKETS 8 // want "'MOST_SOCKETS' is redefined: "
 int x;
""",
    ),
    good=(
        """
>>> tree include/linux/printk.h
#ifndef pr_fmt
#define pr_fmt(fmt) fmt
#endif
#define SAME(x) (x)
#ifdef CONFIG_SLOW
#define SPEED 1
#endif
>>> patch net: more headers
>>> file net/socket.c
+#define pr_fmt(fmt) "socket: " fmt
 #include <linux/printk.h>
+#define SAME(x)  (x)
+#define SPEED 2
""",
        """
>>> tree include/linux/limits.h
#define MOST_SOCKETS 4
#define MOST_USERS 4
>>> patch net: limits
>>> file net/socket.c
 #include <linux/limits.h>
+#undef MOST_SOCKETS
+#define MOST_SOCKETS 8
+#ifndef MOST_USERS
+#define MOST_USERS 5
+#endif
""",
        """
>>> tree include/linux/limits.h
#define MOST_SOCKETS 4
>>> patch net: limits
>>> file net/socket.c
 #include <linux/limits.h>
+#include <linux/kernel.h>
 #define MOST_SOCKETS 8
""",
    ),
)
