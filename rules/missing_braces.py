"""A body that spans lines, or one branch of an if/else, stands without braces where kernel style wants them."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from patchscan.rule import ChangedFile, Context, Finding, Fix, Function, Rule, Silence, parse, pattern

if TYPE_CHECKING:
    from tree_sitter import Node

HEADER_END = pattern(r"(?:\)|\belse)$")
LOOPS = ("for_statement", "while_statement", "do_statement")
STRUCTURES = (*LOOPS, "if_statement", "switch_statement")


# Where nothing in a file tells, and no MAINTAINERS is at hand: what the tip tree takes, and mm beside it.
TIP = (
    "arch/x86/",
    "kernel/entry/",
    "kernel/events/",
    "kernel/futex/",
    "kernel/irq/",
    "kernel/locking/",
    "kernel/sched/",
    "kernel/time/",
    "kernel/cpu.c",
    "kernel/smp.c",
    "mm/",
)


def check(context: Context) -> Iterator[Finding | Silence]:
    """Every if/else chain and loop that the patch adds or gives a new body."""
    for file in context.c_files:
        if not file.adds("if", "else", "for", "while", "("):
            continue
        for function in file.functions:
            if function.partial:
                yield file.unchecked(
                    function.first_line, f"{function.name or 'the code'} does not parse cleanly"
                )
                continue
            yield from check_function(context, file, function)


def check_function(context: Context, file: ChangedFile, function: Function) -> Iterator[Finding | Silence]:
    """The chains and loops of one function."""
    for node in function.nodes("if_statement", *LOOPS):
        outer = function.parent_of(node)
        if outer is not None and outer.type == "else_clause":
            continue
        branches = tuple(branches_of(node))
        finding = mixed_branches(file, function, branches) or long_body(context, file, function, branches)
        if finding:
            yield finding


def wants_braces(context: Context, file: ChangedFile) -> bool:
    """Whether a statement of several lines has braces here: the file's habit, else that of the tree it goes through."""
    from patchscan.tree.maintainers import matches, tip_patterns

    bare, braced = habit(context, file)
    if bare or braced:
        return braced > bare
    maintainers = context.tree_file("MAINTAINERS")
    patterns = tip_patterns(maintainers) if maintainers is not None else ()
    return matches(file.path, (*TIP, *patterns))


def habit(context: Context, file: ChangedFile) -> tuple[int, int]:
    """(bodies without braces, with them) of a single statement of several lines in the file before the patch."""
    count = [0, 0]
    text = file.state.before or context.tree_file(file.path)
    for source in (parse(text, file.path),) if text is not None else file.before:
        for function in source.functions():
            for node in () if function.partial else function.nodes("if_statement", *LOOPS):
                for _, body in branches_of(node):
                    inner = body.named_children if body.type == "compound_statement" else [body]
                    if len(inner) == 1 and lines_of(inner[0]) > 1 and inner[0].type not in STRUCTURES:
                        count[body.type == "compound_statement"] += 1
    return count[0], count[1]


def branches_of(node: "Node") -> "Iterator[tuple[Node, Node]]":
    """(header, body) of a loop, or of each branch of an if/else chain; the header is the node of the keyword."""
    header: Node | None = node
    while header is not None:
        body = header.child_by_field_name("consequence") or header.child_by_field_name("body")
        if body is not None:
            yield header, body
        clause = header.child_by_field_name("alternative")
        header = None
        if clause is not None:
            inner = [child for child in clause.named_children if child.type != "comment"]
            if inner and inner[0].type == "if_statement":
                header = inner[0]
            elif inner:
                yield clause, inner[0]


def mixed_branches(
    file: ChangedFile, function: Function, branches: "tuple[tuple[Node, Node], ...]"
) -> Finding | None:
    """A chain with braces on some branches only, where the patch brings the mixture about.

    Of merged chains six in seven follow; the other shapes are left out so often that they are hints.
    """
    bare = [(header, body) for header, body in branches if body.type != "compound_statement"]
    braced = [(header, body) for header, body in branches if body.type == "compound_statement"]
    if not bare or not any(len(body.named_children) != 1 or lines_of(body) > 3 for _, body in braced):
        return None
    edges = [function.source.line_of(header) for header, _ in branches]
    edges += [function.source.line_of(body) for _, body in bare]
    added = [line for line in edges if is_new(file, line)]
    if not added:
        return None
    header, body = bare[0]
    places = [function.source.line_of(header), function.source.line_of(body)]
    line = next((place for place in places if is_new(file, place)), added[0])
    return file.finding(
        line,
        "one branch has braces and this one has none: kernel style wants them on all branches then",
        severity="warning",
        construct=(edges[0], function.source.last_line_of(branches[-1][1])),
        fix=with_braces(file, function, branches),
    )


def long_body(
    context: Context, file: ChangedFile, function: Function, branches: "tuple[tuple[Node, Node], ...]"
) -> Finding | Silence | None:
    """A body of more than one line without braces."""
    for header, body in branches:
        first = function.source.line_of(body)
        start = function.source.line_of(header)
        # Of a body that was there the patch may have taken the braces.
        bared = is_new(file, first - 1) and file.takes_away(f"{file.text_at(first - 1)}{{")
        if body.type == "compound_statement" or lines_of(body) < 2 or not (is_new(file, first) or bared):
            continue
        line = start if is_new(file, start) else first - bared
        if body.type in STRUCTURES:
            return (
                None
                if header.type not in LOOPS
                else file.finding(
                    line,
                    "the body is more than a single simple statement: it wants braces",
                    fix=with_braces(file, function, branches),
                )
            )
        if not wants_braces(context, file):
            return file.fine(line, "here statements of several lines stand without braces")
        return file.finding(
            line,
            "the statement below runs over several lines: braces make it plain where the body ends",
            fix=with_braces(file, function, branches),
        )
    return None


def with_braces(
    file: ChangedFile, function: Function, branches: "tuple[tuple[Node, Node], ...]"
) -> Fix | None:
    """The fix: braces on all branches; None where a header does not end its line, or another statement shares one."""
    first = function.source.line_of(branches[0][0])
    last = function.source.last_line_of(branches[-1][1])
    indent = file.text_at(first)[: -len(file.text_at(first).lstrip()) or None]
    # The lines that change, not all of them: bodies within bodies would make that a square.
    lines: dict[int, str] = {}
    closed: dict[int, str] = {}
    for header, body in branches:
        if body.type == "compound_statement":
            continue
        above, end = function.source.line_of(body) - 1, function.source.last_line_of(body)
        opened = lines.get(above) or file.text_at(above)
        if header.type == "do_statement" or above < first or not HEADER_END.search(opened):
            return None
        lines[above] = f"{opened} {{"
        below = file.text_at(end + 1).lstrip() if end < last else ""
        if below.startswith("else"):
            lines[end + 1] = f"{indent}}} {below}"
        else:
            closed[end] = f"{indent}}}"
    return file.edited(
        [
            (number, number, (lines.get(number) or file.text_at(number), *filter(None, [closed.get(number)])))
            for number in sorted({*lines, *closed})
        ]
    )


def lines_of(node: "Node") -> int:
    """How many lines a node spans."""
    return node.end_point[0] - node.start_point[0] + 1


def is_new(file: ChangedFile, line: int) -> bool:
    """Whether the patch adds this line, and not only moves or indents it."""
    return line in file.added_numbers and not file.was_there(line)


RULE = Rule(
    name="missing-braces",
    summary="A body of several lines, or one branch of an if/else, has no braces",
    why=(
        "Braces may be left out around a single simple statement only. A loop around another control structure and "
        "an if/else with braces on one branch want them on all (coding style). A statement that is broken over lines "
        "reads as two, and the next person adds a line to it: the tip tree asks for braces there, too, most others do "
        "without. So the file decides by what it has; where it has neither, what goes through tip, and mm, is told."
    ),
    source=(
        "Documentation/process/coding-style.rst section 3; Documentation/process/maintainer-tip.rst (bracket rules); "
        'review of "mm: use targeted IPIs for TLB sync with lockless page table walkers" v4 1/3, 2026-02-02'
    ),
    severity="info",
    confidence="high",
    check=check,
    by_file=True,
    bad=(
        """
 static void send(bool found, const struct cpumask *mask)
 {
+	if (found) // want "several lines"
+		smp_call_function_many(mask, wait_for_walkers,
+				       NULL, 1);
 }
""",
        """
 static void scan(struct list *list)
 {
+	while (more(list)) // want "more than a single simple statement"
+		if (old(list))
+			drop(list);
 }
""",
        """
 static void scan(struct list *list)
 {
-	while (more(list)) {
+	while (more(list)) // want "more than a single simple statement"
 		if (old(list))
 			drop(list);
-	}
 }
""",
        """
 static int choose(int a)
 {
+	if (a > 3) {
+		log(a);
+		a--;
+	} else // want "on all branches"
+		a++;
 	return a;
 }
""",
    ),
    good=(
        """
>>> tree net/other.c
int other;
>>> patch net: send more
>>> file net/example.c
 static void send(bool found)
 {
+	if (found)
+		transmit(skb,
+			 NULL, 1);
 }
""",
        """
>>> tree mm/other.c
int other;
>>> patch mm: send more
>>> file mm/example.c
 static void send(bool found)
 {
 	if (skb)
 		transmit(skb,
 			 NULL, 2);
+	if (found)
+		transmit(skb,
+			 NULL, 1);
 }
""",
        """
 static void scan(struct list *list, int most)
 {
-	while (more(list))
+	while (more(list) && most--)
 		if (old(list))
 			drop(list);
 }
""",
        """
 static void send(bool found, const struct cpumask *mask)
 {
+	if (found && first(mask) &&
+	    second(mask))
+		smp_call_function_many(mask, wait, NULL, 1);
 }
""",
        """
 static int choose(int a)
 {
+	if (a > 3) {
+		log(a);
+		a--;
+	} else if (a) {
+		a++;
+	}
 	return a;
 }
""",
        """
 static int choose(int a)
 {
 	if (a > 3)
 		do_something_with(a,
 				  b);
+	more(a);
 	return a;
 }
""",
        """
 static void nest(void)
 {
-	if (a)
-		do_something_with(a,
-				  b);
+	if (x) {
+		if (a)
+			do_something_with(a,
+					  b);
+	}
 }
""",
    ),
)
