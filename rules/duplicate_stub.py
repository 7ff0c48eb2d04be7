"""A function is defined twice in one file under conditions that can both hold."""

from collections.abc import Iterator

from patchscan.basics.formula import Formula, can_hold, follows
from patchscan.c.branches import when
from patchscan.rule import ChangedFile, Context, Finding, Function, Rule, Silence


def check(context: Context) -> Iterator[Finding | Silence]:
    """Every function whose head the patch adds to a file that is known as a whole."""
    for file in context.c_files:
        if file.state.after is None:
            continue
        by_name: dict[str, list[Function]] = {}
        for function in file.after[0].functions():
            if not made_by_macro(function):
                by_name.setdefault(function.name, []).append(function)
        for function in file.functions:
            others = [each for each in by_name.get(function.name, []) if each.start != function.start]
            if function.name_line in file.added_numbers and others and not made_by_macro(function):
                yield judge(context, file, function, others)


def made_by_macro(function: Function) -> bool:
    """Whether a macro such as SYSCALL_DEFINE1(name) makes the real name of it."""
    return function.header.partition(function.name)[0].rstrip().endswith("(") or function.name.isupper()


def judge(
    context: Context, file: ChangedFile, function: Function, others: list[Function]
) -> Finding | Silence:
    """A finding where another definition is there whenever this one is, or this one whenever it is.

    Where the tree is not the base, the other one must stand where the series shows it.
    """
    here = condition_of(function)
    for other in others:
        there = condition_of(other)
        if not (here.plain and there.plain and can_hold(here) and can_hold(there)):
            continue
        if follows(there, here) or follows(here, there):
            if context.the_tree != "the tree" and not shown(context, file, other):
                return file.unchecked(
                    function.name_line, f"{context.the_tree} has a {function.name}() already"
                )
            when = " && ".join(text_of(function) or text_of(other))
            return file.finding(
                function.name_line,
                f"{function.name}() is defined twice"
                + (f" where {when}" if when else "")
                + ": drop one of them",
                (file.evidence(other.name_line),),
            )
    return file.fine(function.name_line, f"the definitions of {function.name}() stand in different branches")


def shown(context: Context, file: ChangedFile, other: Function) -> bool:
    """Whether a hunk of this patch holds a definition, or an earlier patch adds it."""
    head = file.text_at(other.name_line)
    return any(
        each.new == file.patch_line(other.name_line) for hunk in file.change.hunks for each in hunk.lines
    ) or any(line.text == head for before in context.earlier for each in before.files for line in each.added)


def condition_of(function: Function) -> Formula:
    """When a definition is compiled."""
    conditions = function.source.conditions_at(function.name_line)
    return when(conditions)


def text_of(function: Function) -> list[str]:
    """The conditions around a definition, as one reads them."""
    conditions = function.source.conditions_at(function.name_line)
    return [f"!({each.expression})" if each.negated else each.expression for each in conditions]


RULE = Rule(
    name="duplicate-stub",
    summary="A function is defined twice in one file under conditions that can both hold",
    why=(
        "An empty stub that stays in its branch when another one is added, or comes in twice, breaks the build in "
        "a configuration that the author does not build."
    ),
    source=(
        'Commit 7fb5e5083190 ("mmu_gather: fix the CONFIG_MMU_GATHER_NO_RANGE case"): only one of two duplicate '
        "stubs was removed; Documentation/process/coding-style.rst section 21 (conditional compilation)"
    ),
    severity="warning",
    confidence="high",
    check=check,
    by_file=True,
    bad=(
        """
>>> tree mm/other.c
int other;
>>> patch mm: add stubs
>>> file include/linux/example.h
 #ifdef CONFIG_NO_RANGE
 static inline void update(int flags) { }
 #else
 static inline void update(int flags)
 {
 	note(flags);
 }
 #endif
+#if defined(CONFIG_NO_RANGE) && defined(CONFIG_SMP)
+static inline void update(int flags) { } // want "update.. is defined twice where .*NO_RANGE"
+#endif
""",
    ),
    good=(
        """
>>> tree mm/other.c
int other;
>>> patch mm: add a stub
>>> file include/linux/range.h
+#ifdef CONFIG_RANGE
+void update(int flags);
+#endif
>>> file include/linux/no_range.h
+#ifndef CONFIG_RANGE
+static inline void update(int flags) { }
+#endif
""",
        """
>>> tree mm/other.c
int other;
>>> patch mm: add stubs
>>> file include/linux/example.h
+#if IS_ENABLED(CONFIG_RANGE)
+void update(int flags);
+static inline bool empty(void)
+{
+	return true;
+}
+#else
+static inline void update(int flags) { }
+static inline bool empty(void)
+{
+	return false;
+}
+#endif
""",
        """
>>> tree mm/other.c
int other;
>>> patch mm: let architectures have their own
>>> file include/linux/example.h
 #ifdef CONFIG_SMP
 static inline void update(int flags)
 {
 	note(flags);
 }
 #elif defined(CONFIG_UP)
 static inline void update(int flags) { }
 #endif
+#if !defined(CONFIG_SMP) && !defined(CONFIG_UP)
+static inline void update(int flags) { }
+#endif
+#ifndef finish
+static inline void finish(void) { }
+#endif
""",
        """
>>> tree mm/other.c
int other;
>>> patch mm: drop the second stub
>>> file include/linux/example.h
 static inline void update(int flags) { }
-static inline void update(int flags) { }
+static inline void finish(int flags) { }
""",
    ),
)
