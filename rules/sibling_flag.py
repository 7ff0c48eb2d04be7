"""A flag is added beside another one, but some places that look at the other do not know it."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from patchscan.rule import ChangedFile, Context, Evidence, Finding, Line, Rule, Silence, pattern

if TYPE_CHECKING:
    from patchscan.lookup.uses import Use

MEMBER = pattern(r"^\s+(?:unsigned(?: int)?|int|bool|u8|u16|u32)\s+(\w+)\s*:\s*1\s*;")
# Flags that end in these say different things of one object, and are not of one kind.
GENERAL = pattern(
    r"(?:en|dis)abled?|valid|supported|support|active|pending|done|ready|present|flag|set|bit|mode|state|needed|"
    r"required|allowed|init|initialized|en|on|off|used|only|irq|id"
)
ASSIGNED = pattern(r"\s*\|?=(?!=)")
NEAR = 2


def check(context: Context) -> Iterator[Finding | Silence]:
    """Every added one-bit member that the patch uses beside another one of the same kind."""
    added = [
        (file, line, match[1])
        for file in context.c_files
        for line in (file.added if file.adds(":") else ())
        if (match := MEMBER.match(line.text))
    ]
    new = {name for _, _, name in added}
    found = [(file, line, name, old) for file, line, name in added for old in sibling(context, name, new)]
    context.look_ahead({old for _, _, _, old in found})
    for file, line, name, old in found:
        yield judge(context, file, line, name, old)


def sibling(context: Context, name: str, new: set[str]) -> Iterator[str]:
    """The member that ends in the same word and was used before where the patch adds a use of the new one."""
    word = name.rpartition("_")[2]
    if "_" not in name or GENERAL.fullmatch(word):
        return
    old_use = re.compile(rf"(?:->|\.)(\w+_{word})\b")
    for file in context.c_files:
        for hunk in file.change.hunks:
            uses = [
                at
                for at, line in enumerate(hunk.lines)
                if line.kind == "+" and re.search(rf"(?:->|\.){name}\b", line.text)
            ]
            for at in uses:
                near = "\n".join(line.text for line in hunk.lines[max(at - NEAR, 0) : at + NEAR + 1])
                olds = sorted({match for match in old_use.findall(near) if match not in new})
                if olds:
                    yield olds[0]
                    return


def judge(context: Context, file: ChangedFile, line: Line, new: str, old: str) -> Finding | Silence:
    """The readers of the sibling that do not mention the new flag, in the tree as the series leaves it."""
    # That no other file looks at it would be a claim on the whole tree, which costs more.
    readers = readers_of(context, file, new, old, whole=False) or readers_of(
        context, file, new, old, whole=True
    )
    number = line.new or 0
    if not readers:
        return file.fine(number, f"every other file that looks at {old} knows {new}")
    names = sorted(readers)
    more = f" and {len(names) - 6} more" if len(names) > 6 else ""
    return Finding(
        file.path,
        number,
        f"{new} is set like {old}, but {', '.join(names[:6])}{more} still {'looks' if len(names) == 1 else 'look'} "
        f"at {old} only: does the new flag matter there, too?",
        tuple(Evidence(path, readers[path].line, readers[path].text.strip()) for path in names[:6]),
    )


def readers_of(context: Context, file: ChangedFile, new: str, old: str, whole: bool) -> "dict[str, Use]":
    """The first use in each other file that reads the old member and does not mention the new one, by path."""
    readers: dict[str, Use] = {}
    for use in context.uses(old, whole).of_kind("member"):
        if use.path != file.path and reads(use.text, old) and not knows(context, use.path, new):
            readers.setdefault(use.path, use)
    return readers


def reads(text: str, name: str) -> bool:
    """Whether a line looks at a member, and does not only set it."""
    return any(not ASSIGNED.match(text[match.end() :]) for match in re.finditer(rf"(?:->|\.){name}\b", text))


def knows(context: Context, path: str, name: str) -> bool:
    """Whether a file mentions the new flag once the series is in, also where its hunks do not apply."""
    if name.encode() in (context.final.read(path) or b""):
        return True
    return any(file.path == path and file.adds(name) for other in context.all for file in other.files)


RULE = Rule(
    name="sibling-flag",
    summary="A flag is added beside another one, but some places that look at the other do not know it",
    why=(
        "A new flag of the same kind as an old one wants the same treatment wherever the old one is consumed; the "
        "places in architecture code are easily missed, and nothing fails to build."
    ),
    source=(
        'Commit 8ce720d5bd91 ("mm/hugetlb: fix excessive IPI broadcasts when unsharing PMD tables using '
        'mmu_gather"): x86 sends interrupts to all relevant CPUs only when tlb->freed_tables is set'
    ),
    severity="info",
    confidence="low",
    check=check,
    needs_tree=True,
    bad=(
        """
>>> tree arch/x86/tlb.c
void flush(struct gather *tlb)
{
	flush_range(tlb->mm, tlb->freed_tables);
}
>>> patch mm: note the tables that are kept
>>> file include/linux/gather.h
 struct gather {
 	unsigned int freed_tables : 1;
+	unsigned int kept_tables : 1; // want "arch/x86/tlb.c still looks at freed_tables only"
 };
 static inline void reset(struct gather *tlb)
 {
 	tlb->freed_tables = 0;
+	tlb->kept_tables = 0;
 }
""",
    ),
    good=(
        """
>>> tree arch/x86/tlb.c
void flush(struct gather *tlb)
{
	tlb->freed_tables = 1;
}
>>> patch mm: note the tables that are kept
>>> file include/linux/gather.h
 struct gather {
 	unsigned int freed_tables : 1;
+	unsigned int kept_tables : 1;
 };
 static inline void reset(struct gather *tlb)
 {
 	tlb->freed_tables = 0;
+	tlb->kept_tables = 0;
 }
""",
        """
>>> tree mm/other.c
int other;
>>> patch mm: note the tables that are kept
>>> file arch/x86/tlb.c
 void flush(struct gather *tlb)
 {
-	flush_range(tlb->mm, tlb->freed_tables);
+	flush_range(tlb->mm, tlb->freed_tables || tlb->kept_tables);
 }
>>> file include/linux/gather.h
 struct gather {
 	unsigned int freed_tables : 1;
+	unsigned int kept_tables : 1;
 };
 static inline void reset(struct gather *tlb)
 {
 	tlb->freed_tables = 0;
+	tlb->kept_tables = 0;
 }
""",
        """
>>> tree arch/x86/dev.c
void start(struct device *dev)
{
	if (dev->irq_enabled)
		run(dev->dma_rings);
}
>>> patch mm: note more of the device
>>> file include/linux/dev.h
 struct device {
 	unsigned int irq_enabled : 1;
+	unsigned int msi_enabled : 1;
 	unsigned int dma_rings : 1;
+	unsigned int rx_rings : 1;
 };
 static inline void reset(struct device *dev)
 {
 	dev->irq_enabled = 0;
+	dev->msi_enabled = 0;
 }
""",
    ),
)
