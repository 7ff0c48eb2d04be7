"""A header is included that neither the tree nor the series has."""

from collections.abc import Iterator

from patchscan.rule import ChangedFile, Context, Finding, Rule, Silence, pattern

# Made by the build, from tables, grammars and generators.
MADE = pattern(
    r"(?:generated|linux/(?:version|compile)|asm-offsets|.*(?:-asn1|\.asn1|\.tab|\.lex|_gen|gen|autoconf|offsets)\.h)"
)
# What a Makefile holds that makes headers, or names directories of them.
FINDS = pattern(rb"filechk|\.h:|-I\b|\binclude ")
# The directories of include/ that every file reaches, and those whose files a kernel is built of.
INCLUDED = pattern(
    r"(?:acpi|clocksource|crypto|drm|dt-bindings|keys|kunit|kvm|linux|math-emu|media|misc|net|pcmcia|ras|rdma|rv|scsi|"
    r"soc|sound|target|trace|uapi|ufs|vdso|video|xen)/"
)
BUILT = pattern(r"(?:arch|block|crypto|drivers|fs|init|io_uring|ipc|kernel|lib|mm|net|security|sound|virt)/")
# Whoever builds a kernel has it.
WHOLE = "include/linux/kconfig.h"
WORD = pattern(r"[A-Za-z_]\w*")
EVERYWHERE = 100_000
MOST = 3


def check(context: Context) -> Iterator[Finding | Silence]:
    """The #include lines that a patch adds."""
    if context.not_claimed:
        return
    for file in context.c_files:
        if file.adds("#include") and file.state.after is not None and BUILT.match(file.path):
            yield from judge(context, file)


def judge(context: Context, file: ChangedFile) -> Iterator[Finding | Silence]:
    """The headers of one file that are nowhere."""
    from patchscan.lookup.closure import Closure, is_host_program
    from patchscan.lookup.needed import own_architecture

    text = file.state.after or b""
    if is_host_program(text) or not file.path.endswith(".c"):
        return
    closure = Closure(context.view, file.path, text, own_architecture(file.path) or "x86")
    found = [
        each
        for each in closure.first.missing
        if each.name and each.line in file.added_numbers and not file.was_there(each.line)
        if not each.conditions and not MADE.match(each.name) and not is_made(context, file, each.name)
    ]
    for each in found[:MOST]:
        later = Closure(context.final, file.path, text, closure.architecture).first.missing
        comes = each.name not in {one.name for one in later}
        why = (
            "only a later patch of the series makes it" if comes else "neither the tree nor the series has it"
        )
        yield context.claimed(
            file.finding(each.line, f"{each.name} is included, but {why}: the file does not compile")
        )


def is_made(context: Context, file: ChangedFile, name: str) -> bool:
    """Whether the build may make a header, or find it in a directory that a Makefile names.

    What is looked for in include/ is there or not, but in a tree of which only parts are at hand; what an architecture
    has, another may lack.
    """
    first, _, base = name.rpartition("/")
    if INCLUDED.match(name):
        return context.view.read(WHOLE) is None
    if first.startswith(("asm", "mach", "abi")):
        return True
    if is_included_elsewhere(context, file, base):
        return True
    directory = file.path
    while "/" in directory:
        directory = directory.rpartition("/")[0]
        for each in ("Makefile", "Kbuild"):
            text = context.view.read(f"{directory}/{each}")
            if text is not None and (base.encode() in text or FINDS.search(text)):
                return True
    return False


def is_included_elsewhere(context: Context, file: ChangedFile, base: str) -> bool:
    """Whether another file includes a header of that name, which the build then finds somewhere."""
    from patchscan.lookup.uses import files_holding

    words = WORD.findall(base.removesuffix(".h"))
    word = max(words, key=len, default="")
    holding = files_holding(context.view, word, most=EVERYWHERE)[0] if word else ()
    named = (f'"{base}"'.encode(), f'/{base}"'.encode(), f"/{base}>".encode(), f"<{base}>".encode())
    texts = (context.view.read(each) or b"" for each in holding if each != file.path)
    return any(one in text for text in texts for one in named)


RULE = Rule(
    name="missing-header",
    summary="A header is included that nothing has",
    why=(
        "The file does not compile. The header stands in another series, was never added to the commit, comes in a "
        "later patch, or went away in the tree that the series is sent for."
    ),
    source="Documentation/process/submitting-patches.rst (each patch builds; base tree information); kernel test robot",
    severity="warning",
    confidence="high",
    check=check,
    by_file=True,
    bad=(
        """
>>> tree mm/walk.h
int walk_depth(int ret);
>>> tree include/linux/kconfig.h
#define IS_ENABLED(option) option
>>> tree include/linux/walk.h
int walk_on(int ret);
>>> patch mm: walk
>>> file mm/walk.c
+#include <linux/walk.h>
+#include <linux/walk_more.h> // want "linux/walk_more.h is included, but neither the tree nor the series has it"
+#include "walk.h"
+#include "walk-core.h" // want "walk-core.h is included, but neither"
 int walk;
""",
        """
>>> tree mm/walk.h
int walk_depth(int ret);
>>> patch mm: walk
>>> file mm/walk.c
+#include "core.h" // want "core.h is included, but only a later patch of the series makes it"
 int walk;
>>> patch mm: the header
>>> file mm/core.h
+int core;
""",
    ),
    good=(
        """
>>> tree mm/walk.h
int walk_depth(int ret);
>>> patch mm: walk in a tree that has no headers for all
>>> file mm/walk.c
+#include <linux/rcupdate.h>
 int walk;
""",
        """
>>> tree mm/walk.h
int walk_depth(int ret);
>>> tree include/linux/kconfig.h
#define IS_ENABLED(option) option
>>> tree include/linux/walk.h
int walk_on(int ret);
>>> patch mm: walk
>>> file mm/core.h
+int core;
>>> file mm/walk.c
+#include <linux/walk.h>
+#include <generated/bounds.h>
+#include "walk.h"
+#include "core.h"
 int walk;
""",
        """
>>> tree mm/Makefile
obj-y += walk.o
$(obj)/table.h: $(src)/table.txt
>>> patch mm: walk
>>> file mm/walk.c
+#include "table.h"
+#ifdef CONFIG_STRANGE
+#include <asm/strange.h>
+#endif
 int walk;
""",
        """
>>> tree mm/walk.h
int walk_depth(int ret);
>>> patch mm: what was missing
>>> file mm/walk.c
 #include "strange.h"
+#include "walk.h"
 int walk;
""",
    ),
    needs_tree=True,
    wakes=("#include",),
)
