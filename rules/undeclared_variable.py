"""A function uses a variable that neither it nor anything around it declares."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from patchscan.rule import ChangedFile, Context, Finding, Function, Rule, Silence, pattern, source_of

if TYPE_CHECKING:
    from tree_sitter import Node

NAME = pattern(r"[a-z]\w*")
# Macros that declare what they are given, or make something else of it than a value.
BINDS = r"\b(?:_*[A-Z][A-Z0-9_]*|\w*(?:scoped|guard|each|for_|with_|typeof|attribute|offsetof)\w*|\w+_of)\s*\([^;{}]*"
# What a declaration in a function begins with.
TYPE = (
    r"(?:^|[;{}(])\s*(?:(?:const|static|struct|union|enum|unsigned|volatile)\s+)*"
    r"(?!(?:return|goto|else|case|do)\b)[A-Za-z_]\w*[\s*]+"
)


def check(context: Context) -> Iterator[Finding | Silence]:
    """The variables that added lines of functions name, and those whose declaration the patch takes away."""
    for file in context.c_files:
        if not file.path.endswith(".c") or file.state.after is None or not file.touched_numbers:
            continue
        outside: frozenset[str] | None = None
        for function in file.functions:
            span = range(function.first_line, function.last_line + 1)
            if not function.whole or function.partial or file.touched_numbers.isdisjoint(span):
                continue
            found = dict(undeclared(file, function))
            if found:
                outside = names_outside(file) if outside is None else outside
                yield from judge(context, file, function, found, outside)


def names_outside(file: ChangedFile) -> frozenset[str]:
    """What the file declares outside functions, whatever stands there."""
    from patchscan.lookup.outside import file_names

    return file_names(file.state.after or b"", file.path)


def undeclared(file: ChangedFile, function: Function) -> "Iterator[tuple[str, Node]]":
    """The variables that a function uses and does not declare, as far as the patch is why; each at its first use."""
    before = file.before_of(function.name)
    had = names_of(before) if before is not None and before.whole else frozenset()
    has = names_of(function)
    source = function.source
    seen: set[str] = set()
    for node in function.nodes("identifier"):
        name = source.text_of(node)
        if name in seen or name in has or not NAME.fullmatch(name) or not is_value(node):
            continue
        line = source.line_of(node)
        if not (name in had or (line in file.added_numbers and not file.was_there(line))):
            continue
        seen.add(name)
        if not (is_declared_in(function, name) or is_bound(function, name)):
            yield name, node


def names_of(function: Function) -> frozenset[str]:
    """The parameters and variables of a function, and its own name."""
    return frozenset((function.name, *(each.name for each in (*function.parameters, *function.locals))))


def is_value(node: "Node") -> bool:
    """Whether an identifier is a value for sure: not what is called, nor handed over, for a macro may name a member."""
    outer, parent = node, node.parent
    while parent is not None and parent.type in ("field_expression", "subscript_expression"):
        outer, parent = parent, parent.parent
    called = parent is not None and parent.child_by_field_name("function") == outer
    return parent is not None and parent.type != "argument_list" and not called


def is_declared_in(function: Function, name: str) -> bool:
    """Whether the text of a function may declare a name, in a branch of an #if that is not read or by a macro."""
    word = re.escape(name)
    text = function.source.code[function.start : function.end].decode("latin-1")
    declared = rf"{TYPE}(?:[^;(){{}}=]*[\s,*])?{word}\s*(?:[=;,\[:)]|__\w)"
    member = rf"\b(?:struct|union|enum)\b[^;{{}}()]*\{{[^}}]*\b{word}\b"
    return re.search(declared, text) is not None or re.search(member, text) is not None


def is_bound(function: Function, name: str) -> bool:
    """Whether a macro that may declare it, or paste it, is given a name, or a directive or assembly speaks of it."""
    word = rf"\b{re.escape(name)}\b"
    text = function.source.text[function.start : function.end].decode("latin-1")
    heads = rf"\b(?!(?:if|for|while|switch)\b)\w+\s*\([^;{{}}]*{word}[^;{{}}]*\)\s*\{{"
    return re.search(rf"(?m){BINDS}{word}|{heads}|^[ \t]*#.*{word}|\basm\b[^;]*{word}", text) is not None


def is_never_built(function: Function, line: int) -> bool:
    """Whether a line stands under #if 0."""
    return any(
        each.expression == "0" and not each.negated for each in source_of(function).conditions_at(line)
    )


def judge(
    context: Context, file: ChangedFile, function: Function, found: "dict[str, Node]", outside: frozenset[str]
) -> Iterator[Finding | Silence]:
    """A finding on each name that nothing around declares either."""
    from patchscan.lookup.needed import own_architecture
    from patchscan.lookup.outside import may_be_built, may_be_declared
    from patchscan.lookup.pasted import named_by_macro

    architecture = own_architecture(file.path) or "x86"
    for name, node in found.items():
        line = function.source.line_of(node)
        if name in outside or may_be_built(name, outside) or is_never_built(function, line):
            continue
        if named_by_macro(context.view, file, name) is not False:
            yield file.fine(line, f"a macro may declare {name}")
            continue
        if may_be_declared(context.view, file.path, file.state.after or b"", architecture, name):
            yield file.fine(line, f"a header may declare {name}")
            continue
        yield file.finding(
            line,
            f"'{name}' is undeclared: {function.name}() uses it, but neither it nor the file nor a header "
            "that this reaches declares such a variable",
        )


RULE = Rule(
    name="undeclared-variable",
    summary="A function uses a variable that nothing declares",
    why=(
        "The file does not compile. It happens where a patch is taken apart into several and the declaration lands in "
        "another one, or where a cleanup removes a variable that one branch still uses: each patch must build."
    ),
    source="C11 6.5.1; Documentation/process/submitting-patches.rst (each patch builds); kernel test robot: undeclared",
    severity="warning",
    confidence="high",
    check=check,
    by_file=True,
    bad=(
        """
>>> tree mm/walk.h
int walk_depth(int ret, struct page *page);
>>> patch mm: fewer variables
>>> file mm/walk.c
 #include "walk.h"
 static int walk(struct page *page)
 {
-	int ret;
-
 	if (!page)
 		return -1;
+	if (walked > 3) // want "'walked' is undeclared: walk.. uses it"
+		return 3;
 	ret = walk_depth(3, page); // want "'ret' is undeclared: walk.. uses it"
 	return ret;
 }
""",
    ),
    good=(
        """
>>> tree include/linux/systems.h
#define SYSTEM extern
>>> patch mm: walk on
>>> file mm/walk.c
 static int walk(struct page *page)
 {
+#if 0
+	depth = page_depth(page);
+#endif
 	return 0;
 }
""",
        """
>>> tree include/linux/systems.h
#define SYSTEM(name) extern struct system name ## _walk_system;
SYSTEM(page)
>>> patch mm: systems
>>> file mm/walk.c
 #include <linux/systems.h>
 static int walk(struct page *page)
 {
-	return 0;
+	return page_walk_system.depth;
 }
""",
        """
>>> tree mm/walk.h
extern int walked;
enum { walk_least, walk_most };
WALK_COUNTER(walk_counter);
#define walk_limit 3
>>> patch mm: more of the same
>>> file mm/walk.c
 #include "walk.h"
+#define DEFINE_DEPTH(page) int depth_of = (page)->depth
 static int own;
 static int walk(struct page *page)
 {
+	struct { int member; } inner = { .member = 3 };
+	DEFINE_WALK(made);
+	DEFINE_DEPTH(page);
+
+	for_each_page_scoped(other, page)
+		made += other;
+	walk_pages_of(kind, text) {
+		made += kind;
+	}
+again:
+	if (depth_of > walked && walked > walk_least + walk_limit + own + walk_counter)
+		goto again;
+	if (page->deep == inner.member + sizeof(struct deep))
+		return walk_of(page, typeof(page));
 	return made;
 }
""",
        """
>>> patch mm: headers that are not at hand
>>> file mm/walk.c
 #include "strange.h"
 static int walk(void)
 {
+	return strange;
 }
""",
        """
>>> tree mm/all.c
#include "walk.c"
>>> patch mm: what another file includes
>>> file mm/walk.c
 static int walk(void)
 {
+	return of_the_other;
 }
""",
        """
>>> patch mm: in one configuration
>>> file mm/walk.c
 static int walk(void)
 {
+#ifdef CONFIG_WALK
+	int depth = 3;
+#else
+	int many, depth;
+
+	depth = many = 4;
+#endif
+	return depth;
 }
""",
    ),
    needs_tree=True,
)
