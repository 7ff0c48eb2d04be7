"""A test that led out of a function, a limit to a number, or the look at a result that a patch takes away."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from patchscan.rule import ChangedFile, Context, Finding, Function, Rule, Silence, pattern

if TYPE_CHECKING:
    from patchscan.flow.dropped import Dropped

_ASKS = pattern(r"\bif\b|\breturn\b|\w\s*\(")
_CONSTANT = pattern(r"\b[A-Z][A-Z0-9_]{3,}\b")
_RETURNS = pattern(r"\breturn\b")
# A call that hands a result on to whoever waits for it.
_REPORTS = pattern(r"\b\w*(?:done|complete|finish|finali[sz]e|status|result)\w*\s*\(([^;]*)")
_WORD = pattern(r"[A-Za-z_]\w*")


def check(context: Context) -> Iterator[Finding | Silence]:
    """The functions of which the patch takes away a test or a call."""
    for file in context.c_files:
        if any(_ASKS.search(line.text) for line in file.removed):
            for function in file.functions:
                yield from check_function(context, file, function)


def check_function(context: Context, file: ChangedFile, function: Function) -> Iterator[Finding | Silence]:
    """What one function does not ask any more."""
    from patchscan.flow.dropped import dropped

    before = file.before_of(function.name)
    if before is None or not (function.whole and before.whole):
        return
    said = set()
    for each in dropped(function, before, file.passage, file.added_words):
        if each.kind == "result" and returns_nothing(context, each.subject):
            continue
        if is_otherwise(file, function, each):
            continue
        line = next((line for line in sorted(file.touched_numbers) if line >= each.place), None)
        if line is not None and line not in said:
            said.add(line)
            yield file.finding(line, message(file, function, each), (file.evidence(each.use),))


def message(file: ChangedFile, function: Function, found: "Dropped") -> str:
    """What is asked no more, and what it was good for."""
    use = file.patch_line(found.use)
    if found.kind == "result":
        return f"{function.name}() goes on when {found.what}() fails, where before the patch it left"
    if found.kind == "code":
        return (
            f"{function.name}() returns 0 where it returned {found.what}, which line {use} sets to an error: its "
            "caller takes that for success"
        )
    if found.kind == "limit":
        return (
            f"nothing limits {found.subject} any more ({found.what} before the patch), which line {use} uses"
        )
    text = f"the patch takes away the test `{found.what}`, which led out of what follows"
    return text if found.use == found.place else f"{text}; {found.subject} is used on line {use}"


def is_otherwise(file: ChangedFile, function: Function, found: "Dropped") -> bool:
    """Whether the patch sees to what a test, a result or a code was good for in another way, or speaks of it.

    The constant of a test stands in a new line; the callee says another thing now; the code goes to a call instead.
    """
    if found.kind == "result":
        before = file.before_of(found.what)
        changed = before.lines_among(file.removed_numbers) if before is not None else ()
        return before is not None and any(_RETURNS.search(before.source.code_text(line)) for line in changed)
    if found.kind == "code":
        added = [function.source.code_text(line) for line in function.lines_among(file.added_numbers)]
        return any(found.what in _WORD.findall(given) for text in added for given in _REPORTS.findall(text))
    constants = set(_CONSTANT.findall(found.what))
    return any(not constants.isdisjoint(_WORD.findall(line.text)) for line in file.added)


def returns_nothing(context: Context, name: str) -> bool:
    """Whether the patch makes a function return nothing."""
    return any(
        line.text.partition(name)[0].rstrip().endswith("void") and name in line.text
        for file in context.whole.files
        for line in file.added
    )


RULE = Rule(
    name="dropped-check",
    summary="A patch takes away a test, a limit or the look at a result, and what it guarded is still done",
    why=(
        "Such a test was written for a case that somebody met, or that an attacker can make. Where it is not needed "
        "any more the changelog should say why; most often it was lost while code was moved."
    ),
    source="Documentation/process/submitting-patches.rst (describe your changes); Documentation/process/deprecated.rst",
    severity="warning",
    confidence="medium",
    check=check,
    by_file=True,
    by_effect=True,
    bad=(
        """
 static int parse(struct port *port, u8 *data, int size)
 {
-	if (size < sizeof(struct report))
-		return -EINVAL;
 	port->mode = data[4]; // want "takes away the test `size < sizeof.struct report.`.* size is used on line 4"
 	return show(port, data, size);
 }
""",
        """
 static int read_block(struct port *port, u8 *to)
 {
 	int count = port_count(port);
 
-	count = min(count, PORT_LENGTH);
 	port_read(port, to, count); // want "nothing limits count any more .min.count, PORT_LENGTH. before"
 	return 0;
 }
""",
        """
 static int boot(struct port *port)
 {
 	int ret;
 
-	ret = port_copy(port, port->image);
-	if (ret)
-		return ret;
+	port_copy(port, port->image); // want "boot.. goes on when port_copy.. fails, where before the patch it left"
 	return port_start(port);
 }
""",
    ),
    good=(
        """
+/* Names of more than PORT_NAME_MAX are taken, too. */
 static int port_name(struct port *port, const char *name, unsigned int length)
 {
-	if (length > PORT_NAME_MAX)
-		return -EINVAL;
 	memcpy(port->name, name, length);
 	return 0;
 }
""",
        """
 static bool port_fits(struct port *port)
 {
-	return port->changed;
+	return port->found;
 }

 static int port_search(struct port *port)
 {
-	if (port_fits(port))
-		return -EAGAIN;
+	port_fits(port);
 	return port_start(port);
 }
""",
        """
 static int port_request(struct port *port, struct job *job)
 {
 	int ret;

 	ret = port_run(port, job);
 	if (ret)
 		ret = -EIO;
-	return ret;
+	job_done(job, ret);
+	return 0;
 }
""",
        """
 static int parse(struct port *port, u8 *data, int size)
 {
-	if (size < sizeof(struct report))
-		return -EINVAL;
+	if (sizeof(struct report) > size)
+		return -EINVAL;
 	port->mode = data[4];
 	return show(port, data, size);
 }
""",
        """
 static int parse(struct port *port, u8 *data, int size)
 {
 	if (size < 4)
 		return -EINVAL;
-	if (size < 4)
-		return -EINVAL;
 	return show(port, data, size);
 }
""",
        """
 static int parse(struct port *port, u8 *data, int size)
 {
-	if (!port_is_there(port, size < 4))
-		return -EINVAL;
 	return show(port, data, size);
 }
""",
        """
-static int port_copy(struct port *port, void *image)
+static void port_copy(struct port *port, void *image)
 {
 	copy_to_port(port, image);
-	return 0;
 }
 
 static int boot(struct port *port)
 {
-	int ret = 0;
-
-	ret = port_copy(port, port->image);
-	if (ret)
-		return ret;
+	port_copy(port, port->image);
 	return port_start(port);
 }
""",
        """
 static int boot(struct port *port)
 {
-	int ret;
-
-	ret = port_reset(port);
-	if (ret)
-		return ret;
+	port_reset(port);
 	return port_start(port);
 }
""",
    ),
)
