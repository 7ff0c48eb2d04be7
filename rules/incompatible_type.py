"""What is handed over or assigned is an integer for a pointer, the reverse, or points to another struct or a const."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from patchscan.rule import (
    Call,
    ChangedFile,
    Context,
    Evidence,
    Finding,
    Function,
    Rule,
    Silence,
    frozen,
    pattern,
)

if TYPE_CHECKING:
    from patchscan.lookup.meaning import Form
    from patchscan.lookup.typeof import Types
    from tree_sitter import Node

NAME = pattern(r"[a-z_]\w{3,}")
POINTER = pattern(r"(?:const |volatile )*(?:(struct|union) )?(\w+(?: \w+)*?)(?: const)? (\*+)")
STRUCT = pattern(r"struct \w+")


@frozen
class Given:
    """A value that is handed over: what is written, its type, and whether it leads to what is const."""

    shown: str
    type: str
    const: bool
    line: int


def check(context: Context) -> Iterator[Finding | Silence]:
    """The calls with an added line against every declaration that the file may mean, and the assignments."""
    for file in context.c_files:
        if file.path.endswith(".c") and file.adds("(", ")", "=", ","):
            for function in file.functions:
                if not function.partial:
                    yield from judge(context, file, function)


def judge(context: Context, file: ChangedFile, function: Function) -> Iterator[Finding | Silence]:
    """What is to be said of one function; the first fault of each call."""
    from patchscan.lookup.typeof import types_in

    types: Types | None = None
    for call in function.calls():
        if not call.arguments or not is_new(file, function, call.node) or not is_plain(function, call):
            continue
        types = types or types_in(context, file, function)
        yield from arguments(context, file, call, [given(types, node) for node in call.arguments], types)
    for node in function.nodes("assignment_expression", "init_declarator"):
        if is_new(file, function, node) and not node.has_error:
            types = types or types_in(context, file, function)
            yield from assignment(context, file, node, types)


def is_new(file: ChangedFile, function: Function, node: "Node") -> bool:
    """Whether a node has a line that the patch adds, and does not only move."""
    lines = range(function.source.line_of(node), function.source.last_line_of(node) + 1)
    return any(line in file.added_numbers and not file.was_there(line) for line in lines)


def given(types: "Types", node: "Node") -> Given:
    """What is known of a value."""
    source = types.function.source
    return Given(types.written(node), types.of(node), types.leads_to_const(node), source.line_of(node))


def is_plain(function: Function, call: Call) -> bool:
    """Whether a call is one of a named function and no variable."""
    variables = (*function.parameters, *function.locals)
    return (
        NAME.fullmatch(call.name) is not None
        and not call.node.has_error
        and all(each.name != call.name for each in variables)
    )


def arguments(
    context: Context, file: ChangedFile, call: Call, values: list[Given], types: "Types"
) -> Iterator[Finding]:
    """The first argument that no declaration takes."""
    if not any(each.type for each in values):
        return
    if types.meaning.is_taken(call.name, lambda each: takes(each, values)):
        return
    found = types.meaning.forms(call.name)
    if not found or any(len(each.takes.parameters) > len(values) for each in found):
        return
    for place, value in enumerate(values):
        wanted = [
            each.takes.parameters[place] if place < len(each.takes.parameters) else "?" for each in found
        ]
        if value.type and all(differ(value, each) for each in wanted):
            plain = types.meaning.named_plainly(value.type, wanted[0])
            if plain and not types.meaning.may_change_function(call.name):
                how = how_it_differs(value, wanted[0])
                yield say(
                    context,
                    file,
                    value.line,
                    f"argument {place + 1} of '{call.name}' {how}: '{value.shown}' is '{told(value)}', and it takes "
                    f"'{wanted[0]}' ({found[0].path}:{found[0].line})",
                    found[0],
                )
            return


def takes(form: "Form", values: Sequence[Given]) -> bool:
    """Whether a declaration takes some values, as far as is known, or is one of which nothing is said."""
    wanted = form.takes.parameters
    return len(wanted) > len(values) or not any(
        value.type and differ(value, each) for value, each in zip(values, wanted, strict=False)
    )


def assignment(context: Context, file: ChangedFile, node: "Node", types: "Types") -> Iterator[Finding]:
    """A variable or member that is given a value of another type."""
    left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
    operator = node.child_by_field_name("operator")
    if node.type == "init_declarator":
        left, right = node.child_by_field_name("declarator"), node.child_by_field_name("value")
        while left is not None and left.type == "pointer_declarator":
            left = left.child_by_field_name("declarator")
        if left is None or left.type != "identifier":
            return
    elif operator is None or operator.type != "=":
        return
    if left is None or right is None:
        return
    value, wanted = given(types, right), types.of(left)
    # Of a member it is not known whether it leads to what is const.
    if wanted and (left.type != "identifier" or types.leads_to_const(left)):
        wanted = f"const {wanted}"
    differs = value.type and wanted and not wanted.endswith("[]") and differ(value, wanted)
    if differs and types.meaning.named_plainly(value.type, wanted):
        how, name = how_it_differs(value, wanted), types.written(left)
        message = (
            f"the assignment to '{name}' {how}: it is '{wanted}', and '{value.shown}' is '{told(value)}'"
        )
        yield say(context, file, value.line, message, None)


def told(value: Given) -> str:
    """The type of a value as it is shown."""
    return f"const {value.type}" if value.const else value.type


def differ(value: Given, wanted: str) -> bool:
    """Whether a value cannot stand for a parameter or variable of a type without a cast."""
    from patchscan.lookup.typeof import is_integer

    if "?" in (value.type, wanted) or "(" in value.type + wanted or "[]" in wanted:
        return False
    leads = value.type.replace("[]", "*") if value.type.count("[]") == 1 else value.type
    one, two = POINTER.fullmatch(leads), POINTER.fullmatch(wanted)
    if one is None and two is None:
        return False
    if one is None or two is None:
        other = value.type if one is None else wanted
        # What takes or is a struct by value is as wrong.
        return is_integer(other) or STRUCT.fullmatch(other) is not None
    if one[1] is None or two[1] is None or len(one[3]) != len(two[3]):
        return False
    return (one[1], one[2]) != (two[1], two[2]) or (
        value.const and len(two[3]) == 1 and "const" not in wanted
    )


def how_it_differs(value: Given, wanted: str) -> str:
    """What the compiler calls the fault."""
    pointers = value.type.endswith(("*", "[]")), wanted.endswith("*")
    if STRUCT.fullmatch(value.type) or STRUCT.fullmatch(wanted):
        return "has an incompatible type"
    if pointers == (True, True):
        plain = POINTER.fullmatch(value.type.replace("[]", "*")), POINTER.fullmatch(wanted)
        same = plain[0] is not None and plain[1] is not None and plain[0][2] == plain[1][2]
        return "discards 'const'" if same else "has an incompatible pointer type"
    return "makes integer from pointer" if pointers[0] else "makes pointer from integer"


def say(context: Context, file: ChangedFile, line: int, message: str, form: "Form | None") -> Finding:
    """The finding; of a file or tree that is not quite the one of the series it is a question."""
    evidence = (Evidence(form.path, form.line, ""),) if form is not None else ()
    return context.claimed(file.finding(line, message, evidence))


RULE = Rule(
    name="incompatible-type",
    summary="An argument or a value assigned has a type that the compiler does not convert",
    why=(
        "The compiler warns, since gcc 14 and clang 16 it refuses. Nearly always another variable was meant, or an "
        "& or a * is missing, and what is handed over is used as an address."
    ),
    source=(
        "C11 6.5.2.2 paragraph 2, 6.5.16.1; gcc -Wint-conversion, -Wincompatible-pointer-types, "
        "-Wdiscarded-qualifiers"
    ),
    severity="warning",
    confidence="high",
    check=check,
    by_file=True,
    by_effect=True,
    needs_tree=True,
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
 static const struct walk fixed_walk;
 int walk(struct page *page, struct bio *bio, sector_t sector)
 {
+	walk_begin(page, 1); // want "argument 1 of 'walk_begin' has an incompatible pointer type: 'page' is 'struct page"
+	walk_begin(page->walk, bio); // want "argument 2 of 'walk_begin' makes integer from pointer: 'bio' is 'struct bio"
+	struct walk *kept = page->walk;
+	struct page *other = page->walk; // want "the assignment to 'other' has an incompatible pointer type: it is"
+	const struct walk *fixed = page->walk;
+
+	page->walk = page->first; // want "the assignment to 'page->walk' makes pointer from integer"
+	kept = fixed; // want "discards 'const': it is 'struct walk .', and 'fixed' is 'const struct walk"
+	walk_begin(&fixed_walk, 1); // want "argument 1 of 'walk_begin' discards 'const': '&fixed_walk' is 'const"
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
#define old_walk walk
int walk_old(struct old_walk *walk);
>>> patch mm: walk
>>> file mm/example.c
 #include <linux/walk.h>
 struct walk {
 	const struct walk *fixed;
 };
 static struct walk the_walk;
 static const struct walk fixed_walks[2];
 static const int walk_values[2][3];
 int walk(struct walk *walk, struct page *page, void *data, u8 *name, gfp_t gfp)
 {
+	walk_begin(walk, 1, page);
+	const struct walk *fixed = walk;
+	const struct walk *other = fixed;
+	const int **values;
+
+	*values = walk_values[0];
+	walk->fixed = fixed;
+	void *any = fixed_walks;
+	bool is_there = walk;
+	struct walk *const kept = walk;
+	struct walk **list = kept->list;
+	unsigned long at = *kept->place;
+
+	walk_old(walk);
+	walk_free(fixed_walks);
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
