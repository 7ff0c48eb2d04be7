"""A call gives an integer for a pointer, a pointer for an integer, or a pointer to another struct."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from patchscan.basics.pattern import pattern
from patchscan.c.source import Call, Function
from patchscan.context import ChangedFile, Context
from patchscan.finding import Evidence, Finding, Silence
from patchscan.rule import Rule

if TYPE_CHECKING:
    from patchscan.lookup.forms import Form
    from tree_sitter import Node

NAME = pattern(r"[a-z_]\w{3,}")
# Types whose every definition is an integer; a bool takes a pointer, too.
INTEGER = pattern(
    r"(?:__)?[us](?:8|16|32|64)|u?int(?:8|16|32|64)_t|(?:unsigned |signed )?(?:char|short|int|long|long long)(?: int)?|"
    r"unsigned|size_t|ssize_t|loff_t|off_t|sector_t|dma_addr_t|phys_addr_t|resource_size_t|pgoff_t|blkcnt_t|ino_t"
)
POINTER = pattern(r"(?:const |volatile )*(?:(struct|union) )?(\w+(?: \w+)*?)(?: const)? (\*+)")
STRUCT = pattern(r"struct \w+")


def check(context: Context) -> Iterator[Finding | Silence]:
    """The calls with an added line, against every declaration that the file may mean."""
    if not context.has_tree:
        return
    for file in context.c_files:
        if file.path.endswith(".c") and file.adds("("):
            for function in file.functions:
                if not function.partial:
                    yield from judge(context, file, function)


def judge(context: Context, file: ChangedFile, function: Function) -> Iterator[Finding | Silence]:
    """What is to be said of the calls in one function; the first fault of each call."""
    from patchscan.lookup.forms import forms
    from patchscan.lookup.typeof import types_in

    types = None
    for call in function.calls():
        lines = [
            line
            for line in range(call.line, function.source.last_line_of(call.node) + 1)
            if line in file.added_numbers and not file.was_there(line)
        ]
        if not lines or not call.arguments or not is_plain(function, call):
            continue
        if types is None:
            types = types_in(context, file, function)
        given = [types.of(node) for node in call.arguments]
        if not any(given):
            continue
        found = forms(context.view, file.path, types.text, call.name, types.beside)
        place = fault_in(given, found)
        if place is not None and not in_hunks(context, call.name):
            yield finding(
                context, file, function, call, call.arguments[place], (place, given[place]), found[0]
            )


def is_plain(function: Function, call: Call) -> bool:
    """Whether a call is one of a named function and no variable."""
    variables = (*function.parameters, *function.locals)
    return (
        NAME.fullmatch(call.name) is not None
        and not call.node.has_error
        and all(each.name != call.name for each in variables)
    )


def fault_in(given: list[str], found: "tuple[Form, ...]") -> int | None:
    """The place of the first argument that no declaration takes; None where one does, or is not plain."""
    if not found or any(len(each.takes.parameters) > len(given) for each in found):
        return None
    for place, kind in enumerate(given):
        wanted = [
            each.takes.parameters[place] if place < len(each.takes.parameters) else "?" for each in found
        ]
        if kind and all(differ(kind, each) for each in wanted):
            return place
    return None


def differ(given: str, wanted: str) -> bool:
    """Whether a value of one type cannot stand for a parameter of another without a cast."""
    if "?" in (given, wanted) or "(" in given + wanted:
        return False
    leads = given.replace("[]", "*") if given.count("[]") == 1 else given
    one, two = POINTER.fullmatch(leads), POINTER.fullmatch(wanted)
    if one is None and two is None:
        return False
    if one is None or two is None:
        other = given if one is None else wanted
        # What takes or is a struct by value is as wrong.
        return INTEGER.fullmatch(other) is not None or STRUCT.fullmatch(other) is not None
    structs = one[1] is not None and two[1] is not None
    return structs and len(one[3]) == len(two[3]) and (one[1], one[2]) != (two[1], two[2])


def in_hunks(context: Context, name: str) -> bool:
    """Whether hunks that do not apply speak of a function, and may change it."""
    word = re.compile(rf"\b{re.escape(name)}\b")
    lines = (line for other in context.not_applied for line in (*other.added, *other.removed))
    return any(word.search(line.text) and not line.text[:1].isspace() for line in lines)


def finding(
    context: Context,
    file: ChangedFile,
    function: Function,
    call: Call,
    argument: "Node",
    given: tuple[int, str],
    form: "Form",
) -> Finding:
    """What to say of one argument."""
    place, kind = given
    wanted = form.takes.parameters[place]
    what = "makes pointer from integer" if not kind.endswith(("*", "[]")) else "makes integer from pointer"
    what = "has an incompatible pointer type" if kind.endswith(("*", "[]")) and wanted.endswith("*") else what
    what = "has an incompatible type" if STRUCT.fullmatch(kind) or STRUCT.fullmatch(wanted) else what
    shown = " ".join(function.source.text_of(argument).split())
    sure = file.used == "tree" and not context.not_claimed
    return file.finding(
        function.source.line_of(argument),
        f"argument {place + 1} of '{call.name}' {what}: '{shown}' is '{kind}', and it takes '{wanted}' "
        f"({form.path}:{form.line})",
        (Evidence(form.path, form.line, ""),),
        severity="" if sure else "info",
    )


RULE = Rule(
    name="argument-type",
    summary="An argument is an integer where a pointer is taken, the reverse, or points to another struct",
    why=(
        "The compiler warns, since gcc 14 and clang 16 it refuses. Nearly always another variable was meant, or an "
        "& or a * is missing, and what is handed over is used as an address."
    ),
    source="C11 6.5.2.2 paragraph 2, 6.5.16.1; gcc -Wint-conversion, -Wincompatible-pointer-types",
    severity="warning",
    confidence="high",
    check=check,
    bad=(
        """
>>> tree include/linux/walk.h
struct walk;
struct bio;
int walk_begin(struct walk *walk, unsigned long from);
sector_t bio_offset(struct bio *bio);
>>> patch mm: walk
>>> file mm/example.c
 #include <linux/walk.h>
 struct page {
 	struct walk *walk;
 	sector_t first;
 };
 static struct walk the_walk;
 int walk(struct page *page, struct bio *bio, sector_t sector)
 {
+	walk_begin(page, 1); // want "argument 1 of 'walk_begin' has an incompatible pointer type: 'page' is 'struct page"
+	walk_begin(page->walk, bio); // want "argument 2 of 'walk_begin' makes integer from pointer: 'bio' is 'struct bio"
+	walk_begin(the_walk, 1); // want "argument 1 of 'walk_begin' has an incompatible type: 'the_walk' is 'struct walk'"
-	return bio_offset(bio);
+	return bio_offset(sector); // want "argument 1 of 'bio_offset' makes pointer from integer: 'sector' is 'sector_t'"
 }
""",
    ),
    good=(
        """
>>> tree include/linux/walk.h
struct walk;
int walk_begin(struct walk *walk, unsigned long from, bool again);
void walk_free(const void *what);
int walk_print(const char *format, ...);
>>> patch mm: walk
>>> file mm/example.c
 #include <linux/walk.h>
 static struct walk the_walk;
 int walk(struct walk *walk, struct page *page, void *data, u8 *name, gfp_t gfp)
 {
+	walk_begin(walk, 1, page);
+	walk_begin(&the_walk, gfp, data);
+	walk_begin(data, sizeof(*page), 0);
+	walk_begin(NULL, page->index, walk->again);
+	walk_begin(0, (unsigned long)page, 1);
+	walk_print(name, page, 3);
+	walk_free(page);
 	return 0;
 }
""",
        """
>>> tree include/linux/walk.h
#define walk_begin(what, ...) __walk_begin(#what, (what)->page)
#ifdef CONFIG_WALK
int walk_end(struct walk *walk);
#else
static inline int walk_end(struct page *page) { return 0; }
#endif
>>> patch mm: walk
>>> file mm/example.c
 int walk(struct page *page, int (*walk_other)(int), int count)
 {
+	walk_begin(count);
+	walk_end(page);
+	walk_other(page);
+	WALK_MOST(page, count);
 	return 0;
 }
""",
        """
>>> tree include/linux/walk.h
int walk_begin(struct walk *walk);
>>> patch mm: walk
>>> file mm/example.c
 int walk(struct page *page)
 {
-	if (page)
-		walk_begin(page);
+	walk_begin(page);
 	return 0;
 }
""",
    ),
)
