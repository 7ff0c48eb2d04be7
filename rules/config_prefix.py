"""A condition of the preprocessor names an option of Kconfig without CONFIG_: it never holds."""

from collections.abc import Iterator

from patchscan.c.conditions import Directive
from patchscan.rule import ChangedFile, Context, Evidence, Finding, Rule, Silence, pattern

TESTED = pattern(
    r"\bdefined\s*\(?\s*([A-Z][A-Z0-9]*_[A-Z0-9_]+)\b|\bIS_(?:ENABLED|BUILTIN|MODULE|REACHABLE)\s*\(\s*([A-Z]\w+)\s*\)"
)
NAMED = pattern(r"\s*([A-Z][A-Z0-9]*_[A-Z0-9_]+)\b")
ASKS = pattern(r"\bIS_(?:ENABLED|BUILTIN|MODULE|REACHABLE)\s*\(\s*([A-Z]\w+)\s*\)")
EVERYWHERE = 100_000


def check(context: Context) -> Iterator[Finding | Silence]:
    """The conditions on added lines; the first place of each name."""
    for file in context.c_files:
        if not file.adds("#", "IS_"):
            continue
        told: set[str] = set()
        for name, line in sorted(names(file), key=lambda found: found[1]):
            if name in told or name.startswith("CONFIG_") or file.was_there(line):
                continue
            told.add(name)
            symbol = context.config_symbol(name, file.path)
            if symbol is not None and not is_macro(context, file, name):
                path, at = symbol.places[0]
                yield file.finding(
                    line,
                    f"'{name}' is an option of Kconfig, but without CONFIG_ in front nothing defines it: this never "
                    "holds",
                    (Evidence(path, at, f"config {name}"),),
                )


def names(file: ChangedFile) -> Iterator[tuple[str, int]]:
    """(name, line) of what conditions on added lines ask for."""
    for source in file.after:
        for each in source.directives:
            lines = [line for line in range(each.line, each.last_line + 1) if line in file.added_numbers]
            if lines and each.name in ("if", "elif", "ifdef", "ifndef", "elifdef", "elifndef"):
                for name in asked(each):
                    yield name, next((line for line in lines if name in source.line_text(line)), lines[0])
    for line in file.added_numbers:
        if "IS_" in file.code_at(line):
            yield from ((match[1], line) for match in ASKS.finditer(file.code_at(line)))


def asked(directive: Directive) -> Iterator[str]:
    """The names that a condition asks for."""
    if directive.name.endswith("def"):
        match = NAMED.match(directive.text)
        if match:
            yield match[1]
        return
    yield from (match[1] or match[2] for match in TESTED.finditer(directive.text))


def is_macro(context: Context, file: ChangedFile, name: str) -> bool:
    """Whether a header, the file itself or a flag of its Makefile may define a name."""
    from patchscan.c.defining import defines
    from patchscan.lookup.uses import files_holding

    if any(each.name == name for source in file.after for each in source.macros()):
        return True
    directory = file.path.rpartition("/")[0]
    if f"-D{name}".encode() in (context.view.read(f"{directory}/Makefile") or b""):
        return True
    paths = [
        path for path in files_holding(context.view, name, most=EVERYWHERE)[0] if path.endswith((".h", ".c"))
    ]
    return any(defines(context.view.read(path) or b"", name) for path in paths)


RULE = Rule(
    name="config-prefix",
    summary="A preprocessor condition names a Kconfig option without its CONFIG_ prefix",
    why="Nothing defines the bare name, so that the code is never built, or always, whatever the user configured.",
    source="Documentation/kbuild/kconfig-language.rst; scripts/kconfig (options reach C as CONFIG_*)",
    severity="warning",
    confidence="high",
    check=check,
    needs_tree=True,
    bad=(
        """
>>> tree arch/Kconfig
config HAVE_FAST_WALK
	bool
config WALK_DEEP
	bool "Deep"
>>> patch mm: walk fast
>>> file include/linux/walk.h
 int x;
+#if defined(CONFIG_WALK_DEEP) || \\
+	defined(HAVE_FAST_WALK) // want "'HAVE_FAST_WALK' is an option of Kconfig"
+#define WALK 1
+#endif
>>> file mm/example.c
 int walk(void)
 {
+	if (IS_ENABLED(WALK_DEEP)) // want "'WALK_DEEP' is an option of Kconfig"
+		return 1;
+#ifndef HAVE_FAST_WALK // want "'HAVE_FAST_WALK' is an option"
 	return 0;
+#endif
 }
""",
    ),
    good=(
        """
>>> tree arch/Kconfig
config HAVE_FAST_WALK
	bool
config WALK_DEEP
	bool "Deep"
>>> tree include/linux/steps.h
#define HAVE_FAST_WALK 1
>>> patch mm: walk fast
>>> file include/linux/walk.h
 int x;
+#if defined(CONFIG_WALK_DEEP) && defined(HAVE_FAST_WALK) && !defined(NO_OPTION)
+#define WALK_DEEPER 1
+#endif
""",
        """
>>> tree mm/Kconfig
config WALK_DEBUG
	bool "Debug"
>>> tree mm/Makefile
ccflags-y += -DWALK_DEBUG
>>> patch mm: debug
>>> file mm/example.c
 int x;
+#ifdef WALK_DEBUG
+int y;
+#endif
+/* #ifdef WALK_DEBUG */
""",
        """
>>> tree mm/Kconfig
config WALK_DEEP
	bool "Deep"
>>> patch mm: indent
>>> file mm/example.c
 int x;
-#ifdef WALK_DEEP
+# ifdef WALK_DEEP
 int y;
 #endif
+#ifdef CONFIG_WALK_DEEP
+#endif
""",
    ),
)
