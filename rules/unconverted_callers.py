"""A series replaces a function and converts some of its callers, but leaves others; or calls one to be rid of."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from patchscan.basics.keep import kept
from patchscan.rule import Context, Evidence, Finding, Function, Hunk, Line, Rule, Silence, frozen, pattern

if TYPE_CHECKING:
    from patchscan.lookup.uses import Use, Uses

# Functions that the kernel wants to be rid of: callers should not be added. Configurable as `functions`.
UNWANTED = {
    "tlb_remove_table_sync_one": "it sends an IPI to every CPU; wait for those that walk page "
    "tables, or use RCU",
}
CALL = pattern(r"\b([A-Za-z_]\w*)\s*\(")
WORD = pattern(r"\w+")
NOT_CALLS = frozenset(
    ("if", "while", "for", "switch", "return", "sizeof", "typeof", "likely", "unlikely", "defined")
)
CALLING = ("call", "address", "macro", "initialiser", "reference")
FEW = 3


@frozen
class Conversion:
    """A line of a patch where a call of one function became a call of another."""

    old: str
    new: str
    path: str
    line: int


def check(context: Context) -> Iterator[Finding | Silence]:
    """Callers left of what the patch converts, and added calls of functions to be rid of."""
    pairs: dict[tuple[str, str], Conversion] = {}
    for conversion in conversions(context):
        pairs.setdefault((conversion.old, conversion.new), conversion)
    for old, new in pairs:
        if not any((old, new) in converted_by(other) for other in context.earlier):
            yield judge(context, old, new)
    yield from unwanted_calls(context)


def judge(context: Context, old: str, new: str) -> Finding | Silence:
    """What is to be said of the callers of `old` that the series leaves."""
    line = next((number for number, text in enumerate(context.patch.changelog, 1) if old in text), 1)
    if not context.has_tree:
        return context.changelog_unchecked(
            line, f"no kernel tree: whether {old}() has callers left is not known"
        )
    gone = context.changelog_fine(line, f"the series takes {old}() away")
    related = context.changelog_fine(line, f"{old}() and {new}() are built on each other")
    # What the series itself shows comes first: the tree may use mutex_lock() in three thousand files.
    if takes_away(context, old):
        return gone
    if is_wrapper(context, new, old) or is_wrapper(context, old, new):
        return related
    found = context.uses(old)
    if not any(use.kind == "definition" for use in found.uses):
        return gone
    if calls_in_tree(found, new, context):
        return related
    left = callers_left(found, old, new)
    converted = sum(list(converted_by(other)).count((old, new)) for other in context.all)
    if not left:
        return context.changelog_fine(line, f"{old}() has no caller left" if found.complete else found.why)
    if len(left) > max(FEW, converted):
        return context.changelog_fine(line, f"{new}() replaces {old}() in few of its {len(left)} callers")
    return remark(context, line, old, new, left, found.complete)


def takes_away(context: Context, name: str) -> bool:
    """Whether a patch removes the head of a function's definition or #define; such a line is not indented."""
    head = re.compile(rf"(?:[A-Za-z_#][^;]*[\s*])?{name}\s*\([^;]*$")
    return any(
        head.match(line.text) for other in context.all for file in other.c_files for line in file.removed
    )


def remark(
    context: Context, line: int, old: str, new: str, left: "tuple[Use, ...]", complete: bool
) -> Finding | Silence:
    """The finding; none where the changelog speaks of every caller that is left."""
    said = "\n".join(text for other in context.all for text in other.patch.changelog)
    said += "\n".join(context.series.cover.changelog) if context.series.cover else ""
    if complete and all(caller_name(use) in said for use in left):
        return context.changelog_fine(line, f"the callers that keep {old}() are named here")
    callers = ", ".join(dict.fromkeys(f"{caller_name(use)} ({use.path})" for use in left))
    rest = "" if complete else "; the tree was not searched whole, there may be more"
    return context.changelog_finding(
        line,
        f"{old}() is replaced by {new}() here, but keeps callers: {callers}{rest}. "
        "Convert them, or say in the changelog why they stay",
        tuple(evidence(context, use) for use in left),
    )


def evidence(context: Context, use: "Use") -> Evidence:
    """A caller that is left; marked where the file's hunks did not apply, since the series may convert it."""
    failed = any(file.path == use.path for file in context.not_applied)
    note = " (hunks of this file did not apply: the series may convert it)" if failed else ""
    return Evidence(use.path, use.line, use.text.strip() + note)


def caller_name(use: "Use") -> str:
    """The function or macro that calls, else its file."""
    return use.function or use.path


def callers_left(found: "Uses", old: str, new: str) -> "tuple[Use, ...]":
    """The uses that still call `old`; calls inside the replacement are its fallback."""
    return tuple(
        use for use in found.uses if use.kind in CALLING and not use.via and use.function not in (old, new)
    )


def calls_in_tree(found: "Uses", new: str, context: Context) -> bool:
    """Whether `old` itself now calls `new` in the tree as the series leaves it."""
    from patchscan.c.occurrences import occurrences

    old = next((use for use in found.uses if use.kind == "definition"), None)
    calls = occurrences(context.final.read(old.path) or b"", new, old.path) if old else ()
    return old is not None and any(use.function == old.function for use in calls if use.kind in CALLING)


def is_wrapper(context: Context, outer: str, inner: str) -> bool:
    """Whether the series has `outer` call `inner` on every path: it is built on it and does not replace it."""
    for function in functions_named(context, outer):
        for call in function.calls():
            if call.name == inner and not any(
                each.kind in ("if", "else", "case") for each in function.enclosing(call.node)
            ):
                return True
    return False


def functions_named(context: Context, name: str) -> Iterator[Function]:
    """The function as each patch of the series that touches it leaves it."""
    for other in context.all:
        for file in other.c_files:
            yield from (function for function in file.functions if function.name == name)


def converted_by(context: Context) -> tuple[tuple[str, str], ...]:
    """(old, new) of every conversion of a patch, once a place."""
    return tuple((each.old, each.new) for each in conversions(context))


@kept
def conversions(context: Context) -> tuple[Conversion, ...]:
    """The places where a patch changes a call of one function into one that the series introduces."""
    fresh = introduced(context)
    return tuple(
        Conversion(old, new, file.path, line)
        for file in context.c_files
        for hunk in file.change.hunks
        for removed, added in exchanges(hunk)
        for old, new, line in exchanged_calls(removed, added)
        if new in fresh and old not in fresh
    )


def introduced(context: Context) -> frozenset[str]:
    """Functions and macros that the series adds."""
    return introduced_by_any(context.all[0]) if context.all else frozenset()


@kept
def introduced_by_any(first: Context) -> frozenset[str]:
    """Functions and macros that the series of its first patch adds."""
    return frozenset(name for other in first.all for name in introduced_by(other))


@kept
def introduced_by(context: Context) -> frozenset[str]:
    """Functions and macros that a patch adds: their definition is new, and no removed line held it."""
    names = set()
    for file in context.c_files:
        gone = "\n".join(line.text for line in file.removed)
        for source in file.after if file.may_define else ():
            heads = [
                (each.name, each.first_line)
                for each in file.functions
                if each.source is source and each.has_head
            ]
            heads += [(each.name, each.line) for each in source.macros() if each.parameters is not None]
            names |= {name for name, line in heads if line in file.added_numbers and f"{name}(" not in gone}
    return frozenset(names)


def exchanges(hunk: Hunk) -> Iterator[tuple[list[Line], list[Line]]]:
    """Runs of removed lines with the added lines that stand in their place; line by line where as many."""
    removed: list[Line] = []
    added: list[Line] = []
    for line in (*hunk.lines, Line(" ", "", None, None)):
        if line.kind == "-" and not added:
            removed.append(line)
        elif line.kind == "+":
            added.append(line)
        else:
            if removed and len(removed) == len(added):
                yield from (([before], [after]) for before, after in zip(removed, added, strict=True))
            elif removed and added:
                yield removed, added
            removed, added = ([line] if line.kind == "-" else []), []


def exchanged_calls(removed: list[Line], added: list[Line]) -> Iterator[tuple[str, str, int]]:
    """(old, new, line) where exactly one called name went and one came that takes over all its arguments.

    A function that is given less than the old one was does a special case of its work and does not replace it.
    """
    before, after = called(removed), called(added)
    gone, come = before.keys() - after.keys(), after.keys() - before.keys()
    if len(gone) == 1 and len(come) == 1:
        (old,), (new,) = gone, come
        if words_behind(old, removed) <= words_behind(new, added):
            yield old, new, after[new]


def words_behind(name: str, lines: list[Line]) -> frozenset[str]:
    """The identifiers that follow a called name up to the end of its statement: its arguments, nearly."""
    text = " ".join(line.text for line in lines)
    behind = re.split(rf"\b{name}\s*\(", text, maxsplit=1)[-1].partition(";")[0]
    return frozenset(WORD.findall(behind))


def called(lines: list[Line]) -> dict[str, int]:
    """Names that are called in some lines of a hunk, with the line of the last call."""
    return {
        match[1]: line.new or 0
        for line in lines
        if not line.text.lstrip().startswith(("*", "/*", "//", "#"))
        for match in CALL.finditer(line.text)
        if match[1] not in NOT_CALLS
    }


def unwanted_calls(context: Context) -> Iterator[Finding | Silence]:
    """Added calls of the functions to be rid of, but for the fallback inside their replacement."""
    unwanted = context.option("unconverted-callers", "functions", UNWANTED)
    for file in context.c_files:
        if not file.adds(*unwanted):
            continue
        for function, call in file.added_calls(unwanted):
            if file.was_there(call.line):
                yield file.fine(call.line, f"the call of {call.name}() only moves")
            elif function.name in introduced(context):
                yield file.fine(call.line, f"{function.name}() falls back to {call.name}()")
            else:
                yield file.finding(call.line, f"a new caller of {call.name}(): {unwanted[call.name]}")


RULE = Rule(
    name="unconverted-callers",
    summary="Some callers of a replaced function are left, or a function to be rid of gets a new caller",
    why=(
        "When a series brings a better function and converts callers of the old one, the reader asks "
        "about the rest: were "
        "they overlooked, or do they need the old one? Callers hide in macros of headers, where grep "
        "for the C file "
        "does not look. Either convert them or say why they stay."
    ),
    source=(
        'Review of "mm/mmu_gather: replace IPI with synchronize_rcu() when batch allocation fails" '
        "v2, 2026-02-24 "
        "(why is tlb_remove_table_sync_one() retained?); Documentation/process/submitting-patches.rst"
    ),
    severity="warning",
    confidence="medium",
    check=check,
    bad=(
        """
>>> tree mm/other.c
void other(void)
{
	sync_all();
}
>>> tree include/linux/sync.h
#define sync_quickly() sync_all()
>>> tree mm/sync.c
void sync_all(void)
{
	on_each_cpu(nothing, NULL, 1);
}
>>> patch mm: wait for fewer CPUs
Replace sync_all() where the address space is known. // want "sync_quickly .include/linux/sync.h.*other"
>>> file mm/example.c
+void sync_mm(struct mm_struct *mm)
+{
+	if (!mm)
+		sync_all();
+}
 void first(struct mm_struct *mm)
 {
-	sync_all();
+	sync_mm(mm);
 }
""",
        """
 void collapse(struct mm_struct *mm)
 {
 	flush(mm);
+	tlb_remove_table_sync_one(); // want "a new caller of tlb_remove_table_sync_one"
 }
""",
    ),
    good=(
        """
>>> tree mm/other.c
void other(void)
{
	sync_all();
}
>>> tree mm/sync.c
void sync_all(void)
{
}
>>> patch mm: note the time of a sync
Add a form that notes the time.
>>> file mm/example.c
+void sync_and_note(struct mm_struct *mm)
+{
+	sync_all();
+	note(mm);
+}
 void first(struct mm_struct *mm)
 {
-	sync_all();
+	sync_and_note(mm);
 }
""",
        """
>>> tree mm/sync.c
void sync_all(void)
{
}
>>> patch mm: give the wait its own name
Rename sync_all().
>>> file mm/sync.c
-void sync_all(void)
+void sync_mm(void)
 {
 }
>>> file mm/example.c
 void first(struct mm_struct *mm)
 {
-	sync_all();
+	sync_mm();
 }
""",
        """
>>> tree mm/sync.c
void sync_all(void)
{
}
>>> patch mm: wait for fewer CPUs
Replace sync_all(), which loses its last caller.
>>> file mm/example.c
+void sync_mm(struct mm_struct *mm)
+{
+}
 void first(struct mm_struct *mm)
 {
-	sync_all();
+	sync_mm(mm);
 }
""",
        """
 void first(struct mm_struct *mm)
 {
-	if (mm)
-		tlb_remove_table_sync_one();
+	tlb_remove_table_sync_one();
 }
""",
    ),
)
