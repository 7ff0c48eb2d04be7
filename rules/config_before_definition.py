"""A CONFIG symbol is used that no Kconfig defines, or that only a later patch of the series defines."""

import re
from collections.abc import Iterator

from patchscan.basics.buildfiles import is_kconfig, is_makefile
from patchscan.basics.keep import kept
from patchscan.rule import ChangedFile, Context, Finding, Rule, Silence, pattern

IN_CODE = pattern(r"\bCONFIG_([A-Za-z0-9_]+)\b(?!\s*\*)")
DEFINITION = pattern(r"^\s*(?:menu)?config\s+([A-Za-z0-9_]+)\s*$")
KCONFIG_USE = pattern(r"^\s*(?:depends\s+on|select|imply|visible\s+if|if)\b(.*)")
KCONFIG_WORD = pattern(r'"[^"]*"|#.*|\$\([^)]*\)|\b([A-Z][A-Z0-9_]{2,})\b')
OWN_DEFINE = pattern(r"^\s*#\s*define\s+CONFIG_(\w+)")


MAIN_KCONFIGS = ("Kconfig", "arch/Kconfig")
SOURCED = pattern(r'(?m)^source "([^"$]+)"')


def check(context: Context) -> Iterator[Finding | Silence]:
    """The first use of each symbol that the patch brings and no earlier patch used."""
    known = {symbol for other in context.earlier for symbol, _, _ in uses(other)}
    first: dict[str, tuple[ChangedFile, int]] = {}
    for symbol, file, line in uses(context):
        if symbol not in known:
            first.setdefault(symbol, (file, line))
    for symbol, (file, line) in first.items():
        yield judge(context, symbol, file, line)


def judge(context: Context, symbol: str, file: ChangedFile, line: int) -> Finding | Silence:
    """What is to be said of one symbol at its first use."""
    if symbol in defined_by(context) or any(symbol in defined_by(other) for other in context.earlier):
        return file.fine(line, f"the series defines CONFIG_{symbol} by then")
    later = next((other.patch.index for other in context.later if symbol in defined_by(other)), None)
    if later is not None:
        return file.finding(
            line,
            f"CONFIG_{symbol} is defined only by patch {later}: until then this is dead code; "
            "define the symbol first, or say why not",
            severity="info",
        )
    if mentioned_before(context, file, symbol):
        return file.fine(line, f"CONFIG_{symbol} was used here before")
    if entry_was_there(context, symbol):
        return file.fine(line, f"the lines around a change show the entry of CONFIG_{symbol}")
    if not context.has_tree:
        return file.unchecked(line, f"no kernel tree: whether a Kconfig defines CONFIG_{symbol} is not known")
    if context.config_symbol(symbol, file.path) or context.config_symbol(symbol.removesuffix("_MODULE")):
        return file.fine(line, f"a Kconfig of the tree defines CONFIG_{symbol}")
    if defined_by_header(context, symbol):
        return file.fine(line, f"a header of the tree defines CONFIG_{symbol}")
    if defined_beside(context, symbol):
        return file.fine(line, f"a Kconfig beside the kernel's own code defines CONFIG_{symbol}")
    if context.not_claimed:
        return file.unchecked(line, context.not_claimed)
    if any(number < context.patch.index for number in context.series.missing):
        return file.finding(
            line,
            f"no Kconfig at hand defines CONFIG_{symbol}: one of the earlier patches, which are missing, must",
            severity="info",
            confidence="low",
        )
    found = file.finding(
        line,
        f"no Kconfig of {context.the_tree} or of the series defines CONFIG_{symbol}: code under it is never built",
    )
    # A release in between may have brought it, but for one whose prefix stands twice.
    return found if symbol.startswith("CONFIG_") else context.claimed(found)


def defined_by_header(context: Context, symbol: str) -> bool:
    """Whether a #define gives a symbol its value where no Kconfig does."""
    uses = context.uses(f"CONFIG_{symbol}", whole=False).uses
    return any(use.kind == "definition" and use.path.endswith(".h") for use in uses)


def defined_beside(context: Context, symbol: str) -> bool:
    """Whether what the main Kconfigs source defines a symbol, as scripts/gcc-plugins/Kconfig does."""
    texts = (context.tree_file(path) or b"" for path in MAIN_KCONFIGS)
    sourced = {match[1] for text in texts for match in SOURCED.finditer(text.decode("utf-8", "replace"))}
    entry = re.compile(rb"(?m)^(?:menu)?config %s\s*$" % re.escape(symbol.encode()))
    return any(entry.search(context.tree_file(path) or b"") for path in sorted(sourced))


def uses(context: Context) -> Iterator[tuple[str, ChangedFile, int]]:
    """(symbol, file, line) of every use that the patch adds, in C code, Makefiles and Kconfig expressions."""
    for file in context.files:
        if file.is_c:
            yield from uses_in_code(file)
        elif is_kconfig(file.path):
            yield from uses_in_kconfig(file)
        elif is_makefile(file.path):
            for line, text in added_text(file):
                yield from ((match[1], file, line) for match in IN_CODE.finditer(text.partition("#")[0]))


def uses_in_code(file: ChangedFile) -> Iterator[tuple[str, ChangedFile, int]]:
    """Uses outside comments and strings; a symbol that the file defines itself is no Kconfig symbol."""
    if not file.adds("CONFIG_"):
        return
    own = {match[1] for _, text in added_text(file) if (match := OWN_DEFINE.match(text))}
    for line in sorted(file.added_numbers):
        for match in IN_CODE.finditer(file.code_at(line)):
            if match[1] not in own:
                yield match[1], file, line


def uses_in_kconfig(file: ChangedFile) -> Iterator[tuple[str, ChangedFile, int]]:
    """Symbols that an added `depends on`, `select`, `imply` or `if` names."""
    for line, text in added_text(file):
        expression = KCONFIG_USE.match(text)
        if expression:
            yield from ((word[1], file, line) for word in KCONFIG_WORD.finditer(expression[1]) if word[1])


def added_text(file: ChangedFile) -> Iterator[tuple[int, str]]:
    """The added lines with their numbers, as the sources count them."""
    texts = {line.new: line.text for line in file.added}
    yield from ((line, texts[file.patch_line(line)]) for line in sorted(file.added_numbers))


@kept
def defined_by(context: Context) -> frozenset[str]:
    """The symbols for which a patch adds a `config` entry."""
    return frozenset(
        match[1]
        for file in context.files
        if is_kconfig(file.path)
        for line in file.added
        if (match := DEFINITION.match(line.text))
    )


def entry_was_there(context: Context, symbol: str) -> bool:
    """Whether a hunk shows the entry on a line that this patch or a later one found there, also to take it away."""
    return any(symbol in entries_before(other) for other in (context, *context.later))


@kept
def entries_before(context: Context) -> frozenset[str]:
    """The symbols whose entries a patch shows on lines that it found there."""
    return frozenset(
        match[1]
        for file in context.files
        if is_kconfig(file.path)
        for hunk in file.change.hunks
        for line in hunk.lines
        if line.kind != "+" and (match := DEFINITION.match(line.text))
    )


def mentioned_before(context: Context, file: ChangedFile, symbol: str) -> bool:
    """Whether a line that the patch removes, in any file, or what we know of this file before it names the symbol."""
    word = re.compile(rf"\b(?:CONFIG_)?{re.escape(symbol)}\b")
    if any(word.search(line.text) for other in context.files for line in other.removed):
        return True
    before = file.state.before
    return before is not None and word.search(before.decode("utf-8", "replace")) is not None


RULE = Rule(
    name="config-before-definition",
    summary="A CONFIG symbol is used that nothing defines, or that only a later patch defines",
    why=(
        "IS_ENABLED() and #ifdef of a symbol that no Kconfig defines are false without a word from "
        "the compiler: a typo, "
        "a symbol that was renamed, or a patch in the wrong place of the series. What is introduced "
        "in that order cannot "
        "be tested patch by patch, and a bisection builds something else than the author did."
    ),
    source=(
        "Documentation/kbuild/kconfig-language.rst; Documentation/process/submitting-patches.rst "
        "(separate your changes: "
        'each patch builds and runs); review of "x86/mm, mm/vmalloc: Defer kernel TLB flush IPIs" '
        "RFC v7 30/31"
    ),
    severity="warning",
    confidence="medium",
    check=check,
    wakes=("config_", "kconfig"),
    bad=(
        """
>>> tree mm/Kconfig
config WALK
	bool "Walk"
>>> missing
>>> patch mm: walk quickly
>>> file mm/example.c
 int x;
+#ifdef CONFIG_QUICK_WALK // want "one of the earlier patches, which are missing, must"
+int y;
+#endif
>>> missing
""",
        """
>>> tree Kconfig
config SMP
	bool "Several CPUs"
>>> patch mm: defer flushes
>>> file mm/example.c
 int x;
+#ifdef CONFIG_DEFER_FLUSH // want "no Kconfig .* defines CONFIG_DEFER_FLUSH"
+int y;
+#endif
+#ifdef CONFIG_DEFER_FLUSH
+int z;
+#endif
""",
        """
>>> patch mm: defer flushes
>>> file mm/example.c
+#ifdef CONFIG_DEFER_FLUSH // want "only by patch 2"
+int y;
+#endif
>>> patch mm: let the user choose
>>> file mm/Kconfig
+config DEFER_FLUSH
+	bool "Defer flushes"
""",
        """
>>> tree Kconfig
config SMP
	bool "Several CPUs"
>>> patch mm: add an option
>>> file mm/Kconfig
+config DEFER_FLUSH
+	bool "Defer flushes"
+	depends on SMP && HAVE_DEFER // want "CONFIG_HAVE_DEFER"
""",
    ),
    good=(
        """
>>> tree include/linux/part.h
#ifndef CONFIG_PART_SHIFT
#define CONFIG_PART_SHIFT 0
#endif
>>> patch net: shift
>>> file drivers/net/part.c
 #include <linux/part.h>
 int shift(int address)
 {
-	return address;
+	return address << CONFIG_PART_SHIFT;
 }
""",
        """
>>> tree Kconfig
source "arch/Kconfig"
>>> tree arch/Kconfig
source "scripts/gcc-plugins/Kconfig"
>>> tree scripts/gcc-plugins/Kconfig
config GCC_PLUGIN_MIX
	bool "mix"
>>> patch lib: mix
>>> file lib/mix.c
 int mixed;
+#ifdef CONFIG_GCC_PLUGIN_MIX
+int mix;
+#endif
""",
        """
>>> tree lib/other.c
int other;
>>> patch lib: let one depend on another
>>> file lib/Kconfig
 config ONE
 	bool "one"
+	depends on OLD_NAME

>>> patch lib: rename the other
>>> file lib/Kconfig
 config ONE
 	bool "one"
-	depends on OLD_NAME
+	depends on NEW_NAME

-config OLD_NAME
+config NEW_NAME
 	bool
""",
        """
>>> tree Kconfig
config SMP
	bool "Several CPUs"
>>> patch mm: count on SMP
>>> file mm/example.c
 int x;
+#ifdef CONFIG_SMP
+int y; /* unlike CONFIG_NOTHING */
+#endif
""",
        """
>>> patch mm: let the user choose, and do it
>>> file mm/Kconfig
+config DEFER_FLUSH
+	bool "Defer flushes"
>>> file mm/example.c
+int x = IS_ENABLED(CONFIG_DEFER_FLUSH);
""",
        """
>>> patch mm: without a tree nobody can say
>>> file mm/example.c
+int x = IS_ENABLED(CONFIG_DEFER_FLUSH);
""",
        """
>>> tree Kconfig
config SMP
	bool "Several CPUs"
>>> patch mm: the symbol was there before, in a tree that we do not have
>>> file arch/x86/Kconfig
 config X86
-	select HAVE_OLD_NAME if SMP
+	select HAVE_OLD_NAME if SMP && !X86
""",
        """
>>> tree Kconfig
config SMP
	bool "Several CPUs"
>>> patch mm: move the code as it is
>>> file mm/old.c
-#ifdef CONFIG_OLD_NAME
-int y;
-#endif
>>> file mm/new.c
+#ifdef CONFIG_OLD_NAME
+int y;
+#endif
""",
        """
>>> tree Kconfig
config NET
	tristate "Network"
>>> patch mm: test a module
>>> file mm/example.c
+#define CONFIG_EXAMPLE_DEPTH 3
+#if defined(CONFIG_NET_MODULE) && CONFIG_EXAMPLE_DEPTH > 2
+int y;
+#endif
""",
    ),
)
