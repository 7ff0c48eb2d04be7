"""A header defines a function that is not static inline, or an initcall: every file that includes it does, too."""

import re
from collections.abc import Iterator

from patchscan.rule import ChangedFile, Context, Finding, Function, Rule, Silence, pattern

SHARED = pattern(
    r"\b(?:static|inline|__inline\w*|__always_inline|\w*_inline|extern|__weak|[A-Z][A-Z0-9_]*)\b"
)
GUARD = pattern(
    r"\A(?:\s|/\*(?:[^*]|\*(?!/))*+\*/|//[^\n]*)*+#\s*(?:ifndef\s+(\w+)\s*\n\s*#\s*define\s+\1\b|pragma\s+once)"
)
STATIC = pattern(r"\bstatic\b(?!.*\b\w*inline\w*\b)", re.DOTALL)
ATTRIBUTE = pattern(r"\b(?:__\w*unused|__used|[A-Z][A-Z0-9_]*)\b")
INITCALL = pattern(r"(module_init|\w+_initcall(?:_sync)?)\(\s*(\w+)\s*\)")
PARAMETERS = pattern(r"\s*\([^;{}]*\)\s*\{")


def check(context: Context) -> Iterator[Finding | Silence]:
    """The functions that the patch brings into headers, or takes `static inline` from."""
    for file in context.c_files:
        if file.path.endswith(".h") and file.adds(")"):
            for function in file.functions:
                line = function.name_line
                if function.has_head and line in file.added_numbers and not file.was_there(line):
                    yield from judge(file, function)
            yield from initcalls(file)


def initcalls(file: ChangedFile) -> Iterator[Finding | Silence]:
    """The initcalls that the patch brings into a header."""
    for line in sorted(file.added_numbers) if file.adds("_initcall", "module_init") else ():
        found = INITCALL.match(file.code_at(line))
        if found is not None and not file.was_there(line) and may_be_shared(file):
            yield file.finding(
                line,
                f"{found[1]}({found[2]}) in a header: each file that includes it runs {found[2]}() anew, and a module "
                "with an init function of its own does not compile (redefinition of '__inittest')",
            )


def may_be_shared(file: ChangedFile) -> bool:
    """Whether a header is no template for one file: it is a common one, or has a guard."""
    text = (file.state.after or b"").decode("latin-1")
    return file.path.startswith("include/") or "/include/" in file.path or GUARD.match(text) is not None


def judge(file: ChangedFile, function: Function) -> Iterator[Finding | Silence]:
    """A finding where the header may be included by several files."""
    head, _, rest = function.text.partition(function.name)
    if STATIC.search(head) and not ATTRIBUTE.search(head) and PARAMETERS.match(rest):
        yield from judge_static(file, function)
        return
    if SHARED.search(head) or not head.strip() or function.name.isupper() or not PARAMETERS.match(rest):
        return
    if not may_be_shared(file):
        yield file.fine(function.name_line, "a header without a guard may be a template for one file")
        return
    yield file.finding(
        function.name_line,
        f"'{function.name}' is defined in a header without static inline: each file that includes it defines it, and "
        "they do not link together",
    )


def judge_static(file: ChangedFile, function: Function) -> Iterator[Finding | Silence]:
    """A finding where a common header defines a static function and does not use it itself."""
    from patchscan.c.lexical import offsets

    common = file.path.startswith("include/") or "/include/" in file.path
    outside = sum(len(offsets(source.code, function.name.encode())) for source in file.after)
    inside = len(offsets(function.text.encode("utf-8", "surrogateescape"), function.name.encode()))
    if common and outside <= inside:
        yield file.finding(
            function.name_line,
            f"'{function.name}' is static, but not inline, in a header: the compiler warns in each file that includes "
            "it and does not call it (defined but not used)",
        )


RULE = Rule(
    name="header-definition",
    summary="A function is defined in a header, but not static inline",
    why=(
        "Two files that include the header define the function twice, and the kernel does not link. Stubs for the "
        "configuration that the author does not build are the usual place."
    ),
    source="Documentation/process/coding-style.rst section 21 (stubs are static inline); C11 6.9 (one definition)",
    severity="warning",
    confidence="high",
    check=check,
    wakes=(".h",),
    bad=(
        """
>>> patch mm: walk at the end
>>> file include/linux/walk.h
+#ifndef _WALK_H
+#define _WALK_H
+static int walk_init(void)
+{
+	return 0;
+}
+late_initcall(walk_init); // want "late_initcall.walk_init. in a header"
+
+static bool walk_late(void) // want "'walk_late' is static, but not inline, in a header"
+{
+	return true;
+}
+#endif
""",
        """
>>> patch mm: walk where it is configured
>>> file include/linux/walk.h
+#ifndef _WALK_H
+#define _WALK_H
+#ifdef CONFIG_WALK
+bool walk_ok(void);
+#else
+bool walk_ok(void) { return true; } // want "'walk_ok' is defined in a header without static inline"
+#endif
+#endif
""",
        """
>>> tree mm/walk.h
#ifndef _WALK_H
#define _WALK_H
static inline int walk_depth(void)
{
	return 0;
}
#endif
>>> patch mm: no need for inline
>>> file mm/walk.h
 #ifndef _WALK_H
 #define _WALK_H
-static inline int walk_depth(void)
+int walk_depth(void) // want "'walk_depth' is defined in a header"
 {
 	return 0;
 }
 #endif
""",
    ),
    good=(
        """
>>> patch mm: walk where it is configured
>>> file include/linux/walk.h
+#ifndef _WALK_H
+#define _WALK_H
+bool walk_ok(void);
+static inline bool walk_deep(void) { return true; }
+static __maybe_unused int walk_near(int depth)
+{
+	return depth;
+}
+static int __init walk_used(int depth)
+{
+	return depth;
+}
+#define walk_it(depth) walk_used(depth)
+static __always_inline int
+walk_far(int depth)
+{
+	return depth;
+}
+#define DEFINE_WALK(name) \\
+	int name(void) \\
+	{ \\
+		return 0; \\
+	}
+DEFINE_EVENT(walk, TP_PROTO(int depth), TP_ARGS(depth));
+struct walk { int (*step)(void); };
+#endif
""",
        """
>>> patch mm: a template
>>> file mm/walk-template.h
+int NAME(walk)(void)
+{
+	return 0;
+}
+int walk_of_all(void)
+{
+	return 0;
+}
""",
        """
>>> tree include/linux/walk.h
int walk_ok(void)
{
	return 1;
}
>>> patch mm: walk well
>>> file include/linux/walk.h
 int walk_ok(void)
 {
-	return 1;
+	return 2;
 }
""",
    ),
)
