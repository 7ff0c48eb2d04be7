"""An index that may be the number of elements, and a copy without an end that is read as a string."""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

from patchscan.rule import ChangedFile, Context, Finding, Function, Rule, Silence, Source, pattern, source_of

if TYPE_CHECKING:
    from patchscan.flow.bounds import Comparison, PastEnd, Sizes
    from patchscan.flow.building import Graph

_WORDS = pattern(r"[<>]|\[|memdup_user")
_SIZE = pattern(r"\[([^\[\]]+)\]$")
_DECLARED = pattern(rb"^([ \t]*)(?!return\b)[A-Za-z_][\w \t]*[ \t*](\w+)[ \t]*\[([^\]\n]*)\]", re.M)
_BYTES = frozenset({"char", "u8", "s8", "__u8", "uint8_t", "__s8", "int8_t"})


def check(context: Context) -> Iterator[Finding | Silence]:
    """The functions in which the patch changes a comparison, an index or a copy."""
    for file in context.c_files:
        if any(_WORDS.search(line.text.replace("->", "")) for line in file.added):
            for function in file.functions:
                yield from check_function(file, function)


def check_function(file: ChangedFile, function: Function) -> Iterator[Finding | Silence]:
    from patchscan.flow.bounds import past_ends, unterminated
    from patchscan.flow.building import graph_of

    graph = graph_of(function)
    if graph is None:
        return
    said = set()
    for found in past_ends(graph, sizes(function, graph)):
        line = is_added(file, found.comparison.line, found.line)
        if line is not None and found.comparison.line not in said:
            said.add(found.comparison.line)
            yield past_end(file, found, line)
    for comparison in weakened(file, function, graph):
        if comparison.line not in said:
            yield let_through(file, graph, comparison)
    for copied, read in unterminated(graph):
        line = is_added(file, copied.line, read.line)
        if line is not None:
            yield file.finding(
                line,
                f"{read.name}() on line {file.patch_line(read.line)} reads {copied.result} as a string, but "
                f"{copied.name}() on line {file.patch_line(copied.line)} copies no byte that ends it; "
                "memdup_user_nul() does",
                (file.evidence(copied.line), file.evidence(read.line)),
                fix=file.substitution(copied.line, "memdup_user(", "memdup_user_nul("),
            )


def sizes(function: Function, graph: "Graph") -> "Sizes":
    """What tells the sizes of arrays, by the name under which their elements are used, as it is written."""
    from patchscan.flow.actions import Addressed, Dereferenced, words_of
    from patchscan.flow.bounds import comparisons

    compared = {each.left for each in comparisons(graph)}
    found: dict[str, set[str]] = {}
    for each in function.locals:
        text = "".join(function.source.text_of(each.node).partition("=")[0].split())
        match = _SIZE.search(text)
        if match and text.count("[") == 1:
            found[each.name] = {match[1]}
            if each.type.split("[")[0].split()[-1] in _BYTES:
                found[each.name].add(f"sizeof({each.name})")
    mine = {each.name for each in (*function.locals, *function.parameters)}
    for point in graph.points:
        for used in point.operations:
            if not isinstance(used, Dereferenced | Addressed) or used.key in found or used.key in mine:
                continue
            if not compared.isdisjoint((used.index, *words_of(used.index))):
                found[used.key] = set(size_in_file(function, used.key))
    return found


def size_in_file(function: Function, key: str) -> frozenset[str]:
    """The one size of an array that the same file declares, outside of functions or as a member, as it is written."""
    name = key.replace("->", ".").rpartition(".")[2]
    if not name.isidentifier():
        return frozenset()
    found = declared_sizes(source_of(function)).get((name, name != key), frozenset())
    return found if len(found) == 1 and all(size.isidentifier() for size in found) else frozenset()


@lru_cache(maxsize=64)
def declared_sizes(source: Source) -> Mapping[tuple[str, bool], frozenset[str]]:
    """The sizes with which a text declares arrays, by the name and whether the declaration is indented."""
    found: dict[tuple[str, bool], set[str]] = {}
    for match in _DECLARED.finditer(source.code):
        size = match[3].decode("utf-8", "replace").strip()
        found.setdefault((match[2].decode(), bool(match[1])), set()).add(size)
    return {key: frozenset(sizes) for key, sizes in found.items()}


def is_added(file: ChangedFile, *lines: int) -> int | None:
    """The first of some lines that the patch adds."""
    return next((line for line in lines if line in file.added_numbers and not file.was_there(line)), None)


def weakened(file: ChangedFile, function: Function, graph: "Graph") -> "Iterator[Comparison]":
    """The comparisons of an index with a number of elements that kept that number out, and now let it in."""
    from patchscan.flow.bounds import comparisons, counts, indices
    from patchscan.flow.building import graph_of

    before = file.before_of(function.name)
    old = graph_of(before) if before is not None else None
    if old is None:
        return
    known = {(each.left, each.right, each.lets_through) for each in comparisons(old)}
    now = {(each.left, each.right, each.lets_through) for each in comparisons(graph)}
    used = indices(graph)
    for each in comparisons(graph):
        key = each.left, each.right
        was_strict = (*key, "<") in known and (*key, "<=") not in known
        if each.lets_through != "<=" or not was_strict or (*key, "<") in now:
            continue
        if each.left in used and counts(each.right) and each.line in file.added_numbers:
            yield each


def past_end(file: ChangedFile, found: "PastEnd", line: int) -> Finding:
    text = file.text_at(found.comparison.line).strip()
    if found.index not in (found.comparison.left, f"({found.comparison.left})"):
        return file.finding(
            line,
            f"{found.array}[{found.index}] on line {file.patch_line(found.line)} is past the end where "
            f"{found.comparison.left} is that of the last element, as line {file.patch_line(found.comparison.line)} "
            "lets it be",
            (file.evidence(found.comparison.line, text), file.evidence(found.line)),
        )
    return file.finding(
        line,
        f"{found.array}[{found.index}] on line {file.patch_line(found.line)} may be one past the end: line "
        f"{file.patch_line(found.comparison.line)} lets {found.index} be {found.comparison.right}",
        (file.evidence(found.comparison.line, text), file.evidence(found.line)),
    )


def let_through(file: ChangedFile, graph: "Graph", found: "Comparison") -> Finding:
    from patchscan.flow.bounds import indices

    array, line = indices(graph)[found.left][0]
    return file.finding(
        found.line,
        f"this lets {found.left} be {found.right}, which it kept out before the patch: {array}[{found.left}] on line "
        f"{file.patch_line(line)} may then be one past the end",
        (file.evidence(found.line), file.evidence(line)),
    )


RULE = Rule(
    name="out-of-bounds",
    summary="An index may be the number of elements, or a copy without an end is read as a string",
    why="What lies behind an array is read or overwritten, and it is something else's.",
    source="Documentation/process/deprecated.rst; mm/util.c (memdup_user_nul); fixes such as of off-by-one checks",
    severity="warning",
    confidence="high",
    check=check,
    by_file=True,
    by_effect=True,
    bad=(
        """
 #define MOST_PORTS 8
 
 static struct port *ports[MOST_PORTS];
 
 static struct port *port_of(unsigned int id)
 {
-	if (id >= MOST_PORTS)
+	if (id > MOST_PORTS) // want "ports.id. on line 9 may be one past the end: line 7 lets id be MOST_PORTS"
 		return NULL;
 	return ports[id];
 }
""",
        """
 static ssize_t store(struct port *port, const char __user *from, size_t count)
 {
 	char text[32];
 
-	if (count >= sizeof(text))
+	if (count > sizeof(text)) // want "text.count. on line 9 may be one past the end: line 5 lets count be sizeof"
 		return -EINVAL;
 	if (copy_from_user(text, from, count))
 		return -EFAULT;
 	text[count] = 0;
 	return set_name(port, text);
 }
""",
        """
 static int largest_step(void)
 {
 	int at, most = 0;
 
+	for (at = 0; at < ARRAY_SIZE(levels); at++) // want "levels.at.1. on line 6 is past the end where at is that of the"
+		most = max(most, levels[at + 1] - levels[at]);
 	return most;
 }
""",
        """
 static void set_up(struct port *port)
 {
 	struct level *level;
 	int at;
 
+	for (at = 0; at <= ARRAY_SIZE(levels); at++) { // want "levels.at. on line 7 may be one past the end"
+		level = &levels[at];
+		level->port = port;
+	}
 }
""",
        """
 static const char *name_of(struct port *port, int id)
 {
-	if (id < 0 || id >= port->num_names)
+	if (id < 0 || id > port->num_names) // want "lets id be port->num_names.*port->names.id. on line 5"
 		return NULL;
 	return port->names[id];
 }
""",
        """
 static void clear(void)
 {
 	int i;
 
+	for (i = 0; i <= ARRAY_SIZE(table); i++) // want "table.i. on line 6 may be one past the end"
+		table[i] = 0;
 }
""",
        """
 static int set(struct port *port, unsigned int mode)
 {
+	if (mode > ARRAY_SIZE(modes)) // want "modes.mode. on line 5 may be one past the end"
+		return -EINVAL;
+	return modes[mode];
 }
""",
        """
 static ssize_t store(struct port *port, const char __user *text, size_t count)
 {
 	char *copy;
 	int value;
 
-	copy = memdup_user_nul(text, count);
+	copy = memdup_user(text, count); // want "kstrtoint.. on line 9 reads copy as a string"
 	if (IS_ERR(copy))
 		return PTR_ERR(copy);
 	if (kstrtoint(copy, 0, &value))
 		value = 0;
 	kfree(copy);
 	return count;
 }
""",
    ),
    good=(
        """
 static int largest_step(struct port *port)
 {
 	int at, most = 0;
 
+	for (at = 0; at < ARRAY_SIZE(levels) - 1; at++)
+		most = max(most, levels[at + 1] - levels[at]);
+	for (at = 0; at < ARRAY_SIZE(levels); at += 2)
+		most = max(most, levels[at + 1] - levels[at]);
+	for (at = 0; at < ARRAY_SIZE(levels); at++)
+		if (at < port->last)
+			most = max(most, levels[at + 1] - levels[at]);
 	return most;
 }
""",
        """
 static void copy(struct port *port, unsigned int count)
 {
 	struct level *end;
 
+	if (count > ARRAY_SIZE(levels))
+		return;
+	end = &levels[count];
+	port_copy(port, levels, end);
 }
""",
        """
 static int set(struct port *port, unsigned int mode)
 {
+	if (mode >= ARRAY_SIZE(modes))
+		return -EINVAL;
+	return modes[mode];
 }
""",
        """
 static int set(struct port *port, unsigned int mode)
 {
 	int i;
 
-	if (mode > ARRAY_SIZE(modes))
+	if (mode == 0 || mode > ARRAY_SIZE(modes))
 		return -EINVAL;
+	for (i = 0; i <= port->last_mode; i++)
+		port->modes[i] = 0;
 	return modes[mode - 1];
 }
""",
        """
 static ssize_t store(struct port *port, const char __user *text, size_t count)
 {
+	char *copy = memdup_user(text, count);
+
+	if (IS_ERR(copy))
+		return PTR_ERR(copy);
+	copy[count - 1] = 0;
+	if (kstrtoint(copy, 0, &port->value))
+		port->value = 0;
+	kfree(copy);
 	return count;
 }
""",
    ),
)
