"""A pointer that a patch no longer sets to NULL when what it leads to is freed."""

from collections.abc import Iterator

from patchscan.rule import Context, Finding, Rule, Silence, pattern

_CLEARS = pattern(r"=\s*NULL\s*;")


def check(context: Context) -> Iterator[Finding | Silence]:
    """The functions of which the patch takes away an assignment of NULL."""
    for file in context.c_files:
        if not any(_CLEARS.search(line.text) for line in file.removed):
            continue
        from patchscan.flow.leftpointer import left_pointers

        for function in file.functions:
            before = file.before_of(function.name)
            if before is None or not (function.whole and before.whole):
                continue
            for each in left_pointers(function, before, file.removed_numbers, file.added_words):
                line = next((line for line in sorted(file.touched_numbers) if line > each.place), None)
                if line is not None:
                    text = (
                        f"{each.path} still leads to what {each.call}() frees on line {file.patch_line(each.place)}: "
                        f"it is no longer set to NULL, and line {file.patch_line(each.other)} goes by it"
                    )
                    yield file.finding(line, text, (file.evidence(each.place), file.evidence(each.other)))


RULE = Rule(
    name="dropped-clearing",
    summary="A pointer is no longer set to NULL when what it leads to is freed, and others go by it",
    why=(
        "Who tests the pointer afterwards takes freed memory for an object, and who frees what it leads to frees it a "
        "second time: on an error path that runs twice, when a device is bound again, or in the code that ends it all."
    ),
    source="mm/slub.c: kfree() does nothing for NULL, and frees what was freed already once more; CWE-415, CWE-416",
    severity="warning",
    confidence="medium",
    check=check,
    wakes=("= null",),
    by_file=True,
    by_effect=True,
    bad=(
        """
 static int port_grow(struct port *port)
 {
 	if (port_ask(port)) {
 		kfree(port->buffer);
-		port->buffer = NULL;
 		return -EIO; // want "port->buffer still leads to what kfree.. frees on line 4.* line 12 goes by it"
 	}
 	return 0;
 }
 
 static void port_end(struct port *port)
 {
 	kfree(port->buffer);
 	port_stop(port);
 }
""",
        """
 static void port_hide(struct port *port)
 {
 	if (!port->shown)
 		return;
 	port_view_free(port->shown);
-	port->shown = NULL;
 } // want "port->shown still leads to what port_view_free.. frees on line 5.* line 3 goes by it"
""",
    ),
    good=(
        """
 static void port_end(struct port *port)
 {
 	kfree(port->buffer);
-	port->buffer = NULL;
 	kfree(port);
 }
 
 static int port_ready(struct port *port)
 {
 	if (port->buffer)
 		return 1;
 	return 0;
 }
""",
        """
 static void port_hide(struct port *port)
 {
 	if (!port->shown)
 		return;
 	port_view_free(port->shown);
-	port->shown = NULL;
+	port_forget(&port->shown);
 }
""",
        """
 static int port_grow(struct port *port, int size)
 {
 	kfree(port->buffer);
-	port->buffer = NULL;
 	port->size = size;
 	port->buffer = kzalloc(size, GFP_KERNEL);
 	return port->buffer ? 0 : -ENOMEM;
 }
""",
        """
 static void port_end(struct port *port)
 {
 	kfree(port->buffer);
-	port->buffer = NULL;
 	port_stop(port);
 }
""",
        """
 static void port_end(struct port *port)
 {
 	struct view *view = port_view(port);
 
 	if (view)
 		view_free(view);
-	view = NULL;
 	port_stop(port);
 }
""",
    ),
)
