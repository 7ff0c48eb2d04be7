"""A test by which a function refused, or kept off a pointer that is NULL, that a patch takes away without a word."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from patchscan.rule import ChangedFile, Context, Finding, Function, Rule, Silence, pattern

if TYPE_CHECKING:
    from patchscan.flow.refused import Refusal

_ASKS = pattern(r"\bif\s*\(")
_WORD = pattern(r"[A-Za-z_]\w*")
_LEAVES = pattern(r"\b(?:return|goto|continue|break)\b")
# What a changelog says that takes a test away for a reason.
_EXPLAINS = pattern(
    r"(?i)\b(?:remov|drop|delet|redundan|duplicat|unneed|unnecess|needless|superfluous|useless|pointless|dead|never|"
    r"already|no longer|not needed|no need|get rid|obsolete|relax|allow|accept|support|permit|unused|check|test|"
    r"condition|guard|valid|impossible|cannot|can't|always|optional|reject|refus|restrict|limit)"
)


def check(context: Context) -> Iterator[Finding | Silence]:
    """The files that lose a line that asks and one that leaves, of a patch that does not say why."""
    files = [
        file
        for file in context.c_files
        if any(_ASKS.search(line.text) for line in file.removed)
        and (any(_LEAVES.search(line.text) for line in file.removed) or _ASKS.search(file.added_text))
    ]
    if not files:
        return
    said = any(_EXPLAINS.search(text) for text in (context.patch.title, *context.patch.changelog))
    for file in files:
        for finding in check_file(context, file):
            yield file.fine(finding.line, "the changelog may say why the test goes") if said else finding


def check_file(context: Context, file: ChangedFile) -> Iterator[Finding]:
    """What one file no longer refuses, where it still has what it asked of, and no new line names it."""
    from patchscan.flow.refused import kept, loosened, refusals

    found = {
        each: (function, before)
        for function in file.functions
        if (before := file.before_of(function.name)) is not None and function.whole and before.whole
        for ask in (refusals, loosened)
        for each in ask(function, before, file.passage, file.added_words)
    }
    if not found:
        return
    source = next(iter(found.values()))[1].source
    removed = [(line, source.code_text(line)) for line in sorted(file.removed_numbers)]
    others = [other for other in context.whole.files if other.path != file.path]
    removed += [(0, line.text) for other in others for line in other.removed]
    new = " ".join(" ".join(code_added(other)) for other in context.whole.c_files)
    for each in kept([*found], removed):
        function, before = found[each]
        changed = words_changed(file, function, before, each)
        line = next((line for line in sorted(file.touched_numbers) if line >= each.place), None)
        known = each.what in new or not each.names.isdisjoint(words_added(context, file, each))
        if line is not None and not known and each.own.isdisjoint(changed):
            yield file.finding(
                line, message(file, function, each), (file.evidence(each.use),) if each.use else ()
            )


def code_added(file: ChangedFile) -> Iterator[str]:
    """The words and signs that a patch adds to a file, one blank between them where there were some."""
    for line in sorted(file.added_numbers):
        yield from file.code_at(line).split()


def words_added(context: Context, file: ChangedFile, found: "Refusal") -> set[str]:
    """The words on new lines, but for those of what is left of one test of a file."""
    left = range(found.place, found.end)
    return {
        word
        for other in context.whole.c_files
        for word, lines in other.added_words.items()
        if other.path != file.path or any(line not in left for line in lines)
    }


def words_changed(file: ChangedFile, function: Function, before: Function, found: "Refusal") -> set[str]:
    """The words on the lines of a function that the patch changes, but for those of one test that goes."""
    lines = [
        before.source.code_text(line)
        for line in before.lines_among(file.removed_numbers)
        if not found.old <= line <= found.last
    ]
    lines += [
        function.source.code_text(line)
        for line in function.lines_among(file.added_numbers)
        if not found.end or not found.place <= line < found.end
    ]
    return set(_WORD.findall("\n".join(lines)))


def message(file: ChangedFile, function: Function, found: "Refusal") -> str:
    """What is asked no more."""
    text = f"{function.name}() no longer asks `{found.what}`, "
    if found.use:
        return f"{text}which led out; line {file.patch_line(found.use)} follows that pointer"
    way = "with" if found.code.startswith("-E") or found.code.isupper() else "by"
    return f"{text}on which it left {way} {found.code}, and the changelog does not say why"


RULE = Rule(
    name="dropped-refusal",
    summary="A patch takes away a test by which a function refused, and does not say why",
    why=(
        "Such a test was written for a case that somebody met, or that an attacker can make. What follows it is done "
        "in that case now: on a device that is not there, with a pointer that is NULL, for a request that the format "
        "forbids. Where the case cannot come about the changelog should say so."
    ),
    source="Documentation/process/submitting-patches.rst (describe your changes)",
    severity="warning",
    confidence="medium",
    check=check,
    wakes=("if (", "if("),
    by_file=True,
    by_effect=True,
    bad=(
        """
 static int port_write(struct port *port, int mode)
 {
-	if (port->state != PORT_OPEN)
-		return -ENODEV;
 	port->mode = mode; // want "port_write.. no longer asks `port->state != PORT_OPEN`, on which it left with -ENODEV"
 	return 0;
 }
""",
        """
 static void ports_show(struct ports *ports)
 {
 	struct port *port;
 
 	for_each_port(port, ports) {
 		struct link *link = port->link;
 
-		if (!link)
-			continue;
 		link->shown = true; // want "no longer asks `!link`, which led out; line 8 follows that pointer"
 	}
 }
""",
        """
 static int port_load(struct port *port, struct image *image)
 {
 	int ret;
 
 	lock_port(port);
-	ret = -EINVAL;
-	if (image->kind != PORT_IMAGE)
-		goto out;
 	ret = port_start(port, image); // want "asks `image->kind != PORT_IMAGE`, on which it left with -EINVAL"
 out:
 	unlock_port(port);
 	return ret;
 }
""",
        """
 static int port_range(struct port *port, struct range *range)
 {
-	if (range->mode > 3 || range->end < range->start ||
-	    range->end > PORT_LAST)
+	if (range->end < range->start || range->end > PORT_LAST) // want "no longer asks `range->mode > 3`"
 		return -EINVAL;
 	port_take(port, range);
 	return 0;
 }
""",
    ),
    good=(
        """
 static int port_range(struct port *port, struct range *range)
 {
-	if (!range->count || range->end < range->start)
+	if (range->end < range->start)
 		return -EINVAL;
+	if (range->count == 0)
+		return 0;
 	port_take(port, range);
 	return 0;
 }
""",
        """
 static int port_range(struct port *port, struct range *range)
 {
-	if (range->list == NULL || range->end < range->start)
+	if (range->end < range->start)
 		return 0;
 	port_take(port, range);
 	return 0;
 }
""",
        """
>>> patch mm: take any mode
The core looks at the state already.
>>> file mm/example.c
 static int port_write(struct port *port, int mode)
 {
-	if (port->state != PORT_OPEN)
-		return -ENODEV;
 	port->mode = mode;
 	return 0;
 }
""",
        """
 static int port_write(struct port *port, int mode)
 {
-	if (port->state != PORT_OPEN)
-		return -ENODEV;
+	if (!port_is_open(port))
+		return -EIO;
 	port->mode = mode;
 	return 0;
 }
""",
        """
 static void port_open(struct port *port)
 {
-	port->open = true;
 	port_start(port);
 }
 
 static int port_write(struct port *port, int mode)
 {
-	if (!port->open)
-		return -ENODEV;
 	port->mode = mode;
 	return 0;
 }
""",
        """
 static int port_write(struct port *port, int mode)
 {
-	if (!port->fast)
-		return -EOPNOTSUPP;
-	if (WARN_ON(port->mode == mode))
-		return -EINVAL;
 	port->mode = mode;
 	return 0;
 }
""",
        """
 static void port_show(struct port *port)
 {
 	struct link *link = port->link;
 
-	if (!link)
-		return;
 	show(link);
 }
""",
    ),
)
