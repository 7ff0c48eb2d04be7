"""A pointer is set to 0, compared with 0, returned as 0 or handed over as 0 instead of NULL."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from patchscan.rule import ChangedFile, Context, Finding, Fix, Function, Rule, Silence, pattern

if TYPE_CHECKING:
    from patchscan.lookup.typeof import Types
    from tree_sitter import Node

ZERO = pattern(r"(?<![\w.])0(?![\w.])")
# Outside functions: the declaration of a pointer with its value.
DECLARED = pattern(r"^(?:[a-z]\w*\s+)+\*+\s*(?:const\s+)?(\w+)\s*=\s*0\s*;")
COMPARISONS = ("==", "!=")
POINTER = pattern(r"[\w ]+\*+")
NAME = pattern(r"[a-z_]\w{3,}")


def check(context: Context) -> Iterator[Finding | Silence]:
    """The zeros on added lines."""
    for file in context.c_files:
        lines = frozenset(line for line in file.added_numbers if is_asked(file, line))
        if not lines:
            continue
        for function in file.functions:
            if not function.partial and function.lines_among(lines):
                yield from judge(context, file, function, lines)
        for line in sorted(lines):
            found = DECLARED.match(file.code_at(line))
            if found:
                yield say(file, line, f"{found[1]} is a pointer")


def is_asked(file: ChangedFile, line: int) -> bool:
    """Whether the patch writes a line with a zero."""
    return ZERO.search(file.code_at(line)) is not None and not file.was_there(line)


def judge(
    context: Context, file: ChangedFile, function: Function, lines: frozenset[int]
) -> Iterator[Finding | Silence]:
    """The zeros on some lines of a function, one a line."""

    known: list[Types] = []

    def types() -> "Types":
        from patchscan.lookup.typeof import types_in

        if not known:
            known.append(types_in(context, file, function))
        return known[0]

    for node in function.nodes("number_literal"):
        line = function.source.line_of(node)
        if line not in lines or function.source.text_of(node) != "0":
            continue
        what = pointer_at(function, types, node)
        if what:
            lines -= {line}
            yield say(file, line, what)


def pointer_at(function: Function, types: Callable[[], "Types"], zero: "Node") -> str:
    """What the pointer is that a zero stands for, "" where it is none or not known."""
    around = function.parent_of(zero)
    if around is None or around.has_error:
        return ""
    if around.type == "init_declarator":
        known = next((each for each in function.locals if each.value == zero), None)
        return f"{known.name} is a pointer" if known and POINTER.fullmatch(known.type) else ""
    if around.type == "return_statement":
        return f"{function.name}() returns a pointer" if returns_pointer(function) else ""
    if around.type in ("assignment_expression", "binary_expression"):
        left, operator = around.child_by_field_name("left"), around.child_by_field_name("operator")
        if left is None or operator is None or left == zero:
            return ""
        if function.source.text_of(operator) not in ("=", *COMPARISONS):
            return ""
        return f"{types().written(left)} is a pointer" if POINTER.fullmatch(types().of(left)) else ""
    if around.type == "argument_list":
        return parameter_at(function, types, around, zero)
    return ""


def returns_pointer(function: Function) -> bool:
    """Whether a function is plainly declared to return a pointer."""
    before = function.source.slice(function.start, function.name_start).rstrip()
    return function.has_head and before.endswith("*") and "(" not in before


def parameter_at(function: Function, types: Callable[[], "Types"], around: "Node", zero: "Node") -> str:
    """The parameter of a function that every declaration which the file may mean has as a pointer."""
    node = function.parent_of(around)
    if node is None or node.type != "call_expression":
        return ""
    call = function.call(node)
    known = {each.name for each in (*function.parameters, *function.locals)}
    place = next((number for number, each in enumerate(call.arguments) if each == zero), -1)
    if place < 0 or NAME.fullmatch(call.name) is None or call.name in known:
        return ""
    meaning = types().meaning
    forms = meaning.forms(call.name)
    taken = [each.takes.parameters for each in forms]
    fits = taken and all(len(each) == len(call.arguments) for each in taken)
    if not fits or meaning.may_change_function(call.name):
        return ""
    pointer = all(POINTER.fullmatch(each[place]) for each in taken)
    return f"argument {place + 1} of {call.name}() is a pointer" if pointer else ""


def say(file: ChangedFile, line: int, what: str) -> Finding:
    """The finding, with a fix where the line has one zero."""
    return file.finding(
        line, f"{what}: NULL, not 0 (sparse: Using plain integer as NULL pointer)", fix=fix(file, line)
    )


def fix(file: ChangedFile, line: int) -> Fix | None:
    """NULL for the only zero of a line."""
    text = file.text_at(line)
    found = list(ZERO.finditer(text))
    if len(found) != 1:
        return None
    return file.replacement(line, line, f"{text[: found[0].start()]}NULL{text[found[0].end() :]}")


RULE = Rule(
    name="zero-for-pointer",
    summary="A pointer is set to, compared with or handed over as 0 instead of NULL",
    why=(
        "Who reads 0 takes the variable for a number, and in a call the argument for a flag or a length. sparse warns "
        "of each, and the kernel test robot runs sparse."
    ),
    source=(
        "Documentation/dev-tools/sparse.rst; sparse -Wnon-pointer-null (on unless it is switched off); "
        "scripts/coccinelle/null/badzero.cocci"
    ),
    severity="warning",
    confidence="high",
    check=check,
    by_file=True,
    wakes=("= 0", "=0", "return 0", "(0", ", 0", ",0"),
    bad=(
        """
+static struct page *last_page = 0; // want "last_page is a pointer: NULL, not 0"
+struct walk { struct page *first; };
+static struct page *walk(struct walk *walk, char *name)
+{
+	struct page *page = 0; // want "page is a pointer: NULL, not 0 .sparse: Using plain integer as NULL pointer."
+
+	walk->first = 0; // want "walk->first is a pointer"
+	if (name == 0) // want "name is a pointer"
+		return 0; // want "walk.. returns a pointer"
+	return page;
+}
""",
        """
>>> tree include/linux/walk.h
struct page;
int walk_begin(struct page *page, unsigned long from, const char *name);
>>> patch mm: walk
>>> file mm/example.c
 #include <linux/walk.h>
 int walk(struct page *page)
 {
+	return walk_begin(page, 0, 0); // want "argument 3 of walk_begin.. is a pointer"
 }
""",
    ),
    good=(
        """
+static int last = 0;
+static int *counter(int *first)
+{
+	int number = 0, *where = NULL;
+
+	*first = 0;
+	first[0] = 0;
+	number = 0;
+	if (*first == 0)
+		return NULL;
+	return number == 0 ? where : first + 0;
+}
""",
        """
>>> tree include/linux/walk.h
struct page;
int walk_begin(struct page *page, unsigned long from, const char *name);
>>> patch mm: walk
>>> file mm/example.c
 #include <linux/walk.h>
 int walk(struct page *page, int (*walk_on)(struct page *page, char *name))
 {
+	return walk_begin(page, 0, NULL) + walk_on(page, 0) + walk_far(page, 0);
 }
""",
        """
 static char *walk(char *name)
 {
 	char *other = 0;
+	int deep = 0;
 
+	deep = name[0] == 0;
 	return 0;
 }
+DEFINE_WALK(walk, 0);
+static int all_of(struct page **pages)
+{
+	return 0;
+}
""",
    ),
)
