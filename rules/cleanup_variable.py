"""A variable with __free() that has no value at first, gets it elsewhere, is returned, or is freed by hand."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from patchscan.rule import ChangedFile, Context, Finding, Function, Rule, Silence, pattern

if TYPE_CHECKING:
    from patchscan.c.cleanups import Cleanup

LEAVES = pattern(rb"\breturn\b|\bgoto\b")
# What a cleanup of a name calls.
CALLS = {
    "device_node": "of_node_put",
    "fwnode_handle": "fwnode_handle_put",
    "firmware": "release_firmware",
    "fput": "fput",
    "kfree": "kfree",
    "kfree_sensitive": "kfree_sensitive",
    "kvfree": "kvfree",
    "pci_dev_put": "pci_dev_put",
    "put_device": "put_device",
    "vfree": "vfree",
}


def check(context: Context) -> Iterator[Finding | Silence]:
    """The functions with such a variable."""
    for file in context.c_files:
        for function in file.functions if file.shows("__free(") else ():
            if function.whole and not function.partial and b"__free" in function.source.code:
                yield from judge(file, function)


def judge(file: ChangedFile, function: Function) -> Iterator[Finding]:
    """The variables of one function."""
    from patchscan.c.cleanups import cleanups_of

    kinds = {each.name: each.type for each in function.locals}
    for each in cleanups_of(function):
        if each.name and each.by and list(kinds).count(each.name) == 1:
            pointer = kinds[each.name].endswith("*")
            yield from without_value(file, function, each, pointer)
            if pointer:
                yield from returned(file, function, each)
                yield from freed(file, function, each)


def without_value(file: ChangedFile, function: Function, made: "Cleanup", pointer: bool) -> Iterator[Finding]:
    """What the variable holds when it is made."""
    line = function.source.line_at(made.at)
    if made.value == "some" or not is_new(file, line):
        return
    code = function.source.code
    given = re.compile(rb"(?<![\w.>&*])%s\s*=(?!=)" % made.name.encode()).search(
        code, made.at + len(made.name), made.end
    )
    place = file.patch_line(function.source.line_at(given.start())) if given is not None else 0
    if made.value == "none":
        named = re.compile(rb"\b%s\b" % made.name.encode()).search(code, made.at + len(made.name), made.end)
        leaves = LEAVES.search(code, made.at, named.start() if named else made.end)
        left = file.patch_line(function.source.line_at(leaves.start())) if leaves else 0
        if leaves or pointer:
            when = f"where line {left} leaves" if leaves else "once a return comes between"
            yield file.finding(
                line,
                f"{made.name} has no value yet: {when}, its cleanup takes what lies on the stack; declare it where it "
                "gets its value",
                severity="" if leaves else "info",
            )
    elif given is not None and is_plainly_given(function, made, given.start()):
        yield file.finding(
            line,
            f"{made.name} gets its value in line {place} only: declare it there, so that what is made last is cleaned "
            "up first, and that no way leads past it",
            (file.evidence(function.source.line_at(given.start())),),
            severity="info",
        )


def is_plainly_given(function: Function, made: "Cleanup", at: int) -> bool:
    """Whether the variable gets its only value by a statement of its own block, in a function without labels."""
    code = function.source.code
    between, whole = code[made.at : at], code[function.brace : function.end]
    name = re.compile(rb"\b%s\b" % made.name.encode())
    assigned = re.findall(
        rb"(?<![\w.>&*])%s\s*=(?!=)|&%s\b" % (made.name.encode(), made.name.encode()),
        code[made.at + len(made.name) : made.end],
    )
    return (
        between.count(b"{") == between.count(b"}")
        and between.rstrip()[-1:] in (b";", b"}")
        and len(name.findall(between)) == 1
        and len(assigned) == 1
        and b"goto" not in whole
        and b"case" not in between
        and b"#" not in between
    )


def returned(file: ChangedFile, function: Function, made: "Cleanup") -> Iterator[Finding]:
    """The places where the variable is returned and freed at once."""
    for node in function.nodes("return_statement"):
        line = function.source.line_of(node)
        text = function.source.text_of(node).removeprefix("return").rstrip("; ").strip()
        if text != made.name or not made.is_in_scope(node.start_byte) or not is_new(file, line):
            continue
        around = [
            function.source.text_of(each.condition) for each in function.enclosing(node) if each.condition
        ]
        if not any(re.search(rf"\b{made.name}\b", each) for each in around):
            yield file.finding(
                line,
                f"{made.name} is cleaned up ({made.by}) by this return: the caller gets what is gone; return_ptr() or "
                "no_free_ptr() hands it over",
                (file.evidence(function.source.line_at(made.at)),),
            )


def freed(file: ChangedFile, function: Function, made: "Cleanup") -> Iterator[Finding]:
    """The calls that do what the cleanup will do again."""
    wanted = CALLS.get(made.by)
    for call in function.calls():
        if call.name != wanted or not made.is_in_scope(call.node.start_byte) or not is_new(file, call.line):
            continue
        if [function.source.text_of(each) for each in call.arguments] == [made.name]:
            rest = function.source.code[call.node.end_byte : made.end]
            if not re.match(rb"\s*;\s*%s\s*=" % made.name.encode(), rest):
                yield file.finding(
                    call.line,
                    f"{call.name}() gives back {made.name} here, and its cleanup ({made.by}) does so again at the end "
                    "of the block: leave one of them out",
                    (file.evidence(function.source.line_at(made.at)),),
                )


def is_new(file: ChangedFile, line: int) -> bool:
    """Whether the patch writes a line."""
    return line in file.added_numbers and not file.was_there(line)


RULE = Rule(
    name="cleanup-variable",
    summary="A variable with __free() has no value, gets it elsewhere, is returned or is freed by hand",
    why=(
        "The cleanup takes whatever the variable holds where its block ends, on every way out. A variable at the top "
        "of the function is cleaned up last, whatever was made after it, and one without a value frees what lies on "
        "the stack."
    ),
    source=(
        "include/linux/cleanup.h (define and assign in one statement; no_free_ptr(), return_ptr()); reviews of "
        "drivers, 2024 and 2025"
    ),
    severity="warning",
    confidence="high",
    check=check,
    by_file=True,
    wakes=("__free(", "return", "kfree", "_put", "fput"),
    in_code=("__free(",),
    bad=(
        """
+static struct page *walk(struct page *page)
+{
+	struct walk *walk __free(kfree); // want "walk has no value yet: where line 6 leaves, its cleanup"
+
+	if (!page)
+		return NULL;
+	walk = kmalloc(sizeof(*walk), GFP_KERNEL);
+	return walk_on(walk);
+}
+static struct walk *run(struct page *page)
+{
+	struct walk *walk __free(kfree) = NULL; // want "walk gets its value in line 16 only: declare it there"
+
+	if (!page)
+		return NULL;
+	walk = kmalloc(sizeof(*walk), GFP_KERNEL);
+	if (!walk)
+		return walk;
+	if (walk_begin(walk)) {
+		kfree(walk); // want "kfree.. gives back walk here, and its cleanup .kfree. does so again"
+		return NULL;
+	}
+	return walk; // want "walk is cleaned up .kfree. by this return"
+}
""",
    ),
    good=(
        """
+static struct walk *walk(struct page *page)
+{
+	struct walk *walk __free(kfree) = kmalloc(sizeof(*walk), GFP_KERNEL);
+	struct walk *other __free(kfree) = NULL;
+
+	if (IS_ERR(walk))
+		return walk;
+	if (page->deep)
+		other = kmalloc(sizeof(*other), GFP_KERNEL);
+	if (page->far) {
+		kfree(other);
+		other = NULL;
+	}
+	walk_on(walk, other);
+	return no_free_ptr(walk);
+}
""",
        """
 static struct walk *walk(struct page *page)
 {
 	struct walk *walk __free(kfree) = NULL;
 
+	page->deep = 3;
 	walk = kmalloc(sizeof(*walk), GFP_KERNEL);
 	return walk;
 }
""",
        """
+static int walk(struct page *page, int mode)
+{
+	void *copy __free(kfree) = NULL;
+	void *read __free(kfree) = NULL;
+	cpumask_var_t cpus __free(free_cpumask_var);
+
+	if (!zalloc_cpumask_var(&cpus, GFP_KERNEL))
+		return -ENOMEM;
+	if (mode) {
+		copy = kmalloc(4, GFP_KERNEL);
+		if (!copy)
+			return -ENOMEM;
+	}
+	if (walk_read(page, &read))
+		return -EINVAL;
+	read = walk_more(read);
+	return walk_on(page, copy, read);
+}
""",
    ),
)
