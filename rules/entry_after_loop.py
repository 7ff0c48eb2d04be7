"""The entry of a loop over a list is used, or tested for NULL, behind the loop."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from patchscan.rule import ChangedFile, Context, Finding, Function, Rule, Silence, pattern

if TYPE_CHECKING:
    from tree_sitter import Node

# Those whose entry is what the head of the list stands in where they run to their end; of an hlist it is NULL.
LOOP = pattern(
    r"(?:list|llist)_for_each_entry(?:_(?:safe|reverse|continue|from|rcu|lockless|srcu|safe_reverse))*"
)
MOST_LOOPS = 200
LEAVES = pattern(r"\b(?:break|goto)\b")
# The links of the entry are then those of the head itself: where to insert.
DEREFERENCE = r"(?<![&\w.>])(?<!&\()%s\s*->(?!\s*\w+\.(?:prev|next)\b)"
NULL_TEST = r"\(\s*(?:!\s*{0}|{0}|{0}\s*[!=]=\s*NULL|NULL\s*[!=]=\s*{0})\s*\)"


def check(context: Context) -> Iterator[Finding | Silence]:
    """The loops over lists of the touched functions."""
    for file in context.c_files:
        for function in file.functions if file.shows("for_each_entry") else ():
            if not function.partial and b"for_each_entry" in function.source.code:
                for node in function.nodes("while_statement")[:MOST_LOOPS]:
                    if LOOP.fullmatch(function.macro_of(node)):
                        yield from behind(file, function, node)


def behind(file: ChangedFile, function: Function, loop: "Node") -> Iterator[Finding]:
    """What the statements behind one loop do with its entry, up to the first that may know better."""
    name = entry_of(function, loop)
    block = function.parent_of(loop)
    if not name or block is None or block.type != "compound_statement":
        return
    if re.search(rf"(?<![\w.>]){name}\s*=(?!=)", code_of(function, loop)):
        return
    children = block.named_children
    at = next(number for number, each in enumerate(children) if each == loop)
    for node in children[at + 1 :]:
        text = code_of(function, node)
        line = function.source.line_of(node)
        what = fault_of(node, text, name)
        if what:
            if any(is_new(file, each) for each in (line, function.source.line_of(loop))):
                yield say(file, function, loop, line, what)
            return
        if re.search(rf"\b{name}\b", text) or node.type not in (
            "expression_statement",
            "comment",
            "declaration",
        ):
            return


def entry_of(function: Function, loop: "Node") -> str:
    """The variable of a loop, "" where it is none."""
    control = function.control(loop)
    words = (
        function.source.text_of(control.condition).strip("() \n\t").split(",") if control.condition else [""]
    )
    return words[0].strip() if words[0].strip().isidentifier() else ""


def code_of(function: Function, node: "Node") -> str:
    """The code of a node on one line."""
    return " ".join(function.source.code[node.start_byte : node.end_byte].decode("latin-1").split())


def fault_of(node: "Node", text: str, name: str) -> str:
    """What is wrong with a statement that follows the loop, "" where nothing is known to be."""
    if node.type == "if_statement":
        test = re.match(r"if " + NULL_TEST.format(name), text)
        return f"{name} is never NULL here: a list that ends leaves it at its head" if test else ""
    if node.type not in ("expression_statement", "return_statement"):
        return ""
    if re.match(rf"{name}\s*=(?!=)", text) or f"&{name}->" in text or "is_head" in text:
        return ""
    return f"{name} is used here" if re.search(DEREFERENCE % name, text) else ""


def say(file: ChangedFile, function: Function, loop: "Node", line: int, what: str) -> Finding:
    """The finding."""
    found = LEAVES.search(code_of(function, loop)) is not None
    begin = function.source.line_of(loop)
    when = "where the loop ends without break" if found else "which has ended without break"
    return file.finding(
        line,
        f"{what}: behind {function.macro_of(loop)}() on line {file.patch_line(begin)}, {when}, it is no entry but what "
        "the head of the list would stand in; keep what was found in a variable of its own, NULL at first",
        (file.evidence(begin),),
    )


def is_new(file: ChangedFile, line: int) -> bool:
    """Whether the patch writes a line."""
    return line in file.added_numbers and not file.was_there(line)


RULE = Rule(
    name="entry-after-loop",
    summary="The entry of a loop over a list is used or tested for NULL behind the loop",
    why=(
        "Where no entry was the one, the variable is left at the address that the head of the list would have as part "
        "of an entry: it is not NULL, and what is read through it is whatever lies around the head."
    ),
    source=(
        "scripts/coccinelle/iterators/use_after_iter.cocci and itnull.cocci; include/linux/list.h; smatch: "
        "iterator used outside loop"
    ),
    severity="warning",
    confidence="high",
    check=check,
    by_file=True,
    by_effect=True,
    in_code=("for_each_entry",),
    bad=(
        """
+static int walk(struct walk *walk, int id)
+{
+	struct page *page, *next;
+
+	list_for_each_entry(page, &walk->pages, node) {
+		if (page->id == id)
+			break;
+	}
+	return page->deep; // want "page is used here: behind list_for_each_entry.. on line 5, where the loop"
+}
+static int run(struct walk *walk, int id)
+{
+	struct page *page, *next;
+
+	list_for_each_entry_safe(page, next, &walk->pages, node)
+		if (page->id == id)
+			break;
+	walk->deep = 3;
+	if (!page) // want "page is never NULL here"
+		return -ENOENT;
+	return 0;
+}
""",
    ),
    good=(
        """
 static void port_add(struct port *port, struct list_head *ports)
 {
 	struct port *each;

+	list_for_each_entry(each, ports, list) {
+		if (port->priority < each->priority)
+			break;
+	}
+	list_add(&port->list, each->list.prev);
 }
""",
        """
+static int walk(struct walk *walk, int id)
+{
+	struct page *page, *found = NULL;
+
+	list_for_each_entry(page, &walk->pages, node) {
+		if (page->id == id) {
+			found = page;
+			break;
+		}
+	}
+	if (!found)
+		return -ENOENT;
+	page->deep = 3;
+	return found->deep;
+}
""",
        """
+static int walk(struct walk *walk, int id)
+{
+	struct page *page;
+
+	list_for_each_entry(page, &walk->pages, node)
+		if (page->id == id)
+			break;
+	if (&page->node == &walk->pages)
+		return -ENOENT;
+	page->deep = 3;
+	list_for_each_entry(page, &walk->pages, node)
+		if (page->id == id) {
+			page = NULL;
+			break;
+		}
+	if (page)
+		return 0;
+	hlist_for_each_entry(page, &walk->all, node)
+		if (page->id == id)
+			break;
+	if (!page)
+		return 0;
+	list_for_each_entry(page, &walk->pages, node)
+		walk_on(page);
+	list_add(&walk->node, &page->node);
+	page = walk->first;
+	return page->deep;
+}
""",
        """
 static int walk(struct walk *walk)
 {
 	struct page *page;
 
+	walk->deep = 3;
 	list_for_each_entry(page, &walk->pages, node)
 		break;
 	return page->deep;
 }
+static int run(struct walk *walk, int id)
+{
+	struct page *page;
+
+	list_for_each_entry(page, &walk->pages, node)
+		if (page->id == id)
+			goto found;
+	return -ENOENT;
+found:
+	return page->deep;
+}
""",
    ),
)
