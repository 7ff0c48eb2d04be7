"""A lock that a patch no longer takes around what stays, or a struct that it hands on and no longer clears."""

from collections.abc import Iterator

from patchscan.rule import ChangedFile, Context, Finding, Function, Rule, Silence, pattern

_GUARDS = pattern(r"lock\w*\s*\(|guard\s*\(|\bdown_\w+\s*\(|\bmemset\s*\(|=\s*\{")


def check(context: Context) -> Iterator[Finding | Silence]:
    """The functions of which the patch takes away a lock, or what clears a variable."""
    for file in context.c_files:
        if any(_GUARDS.search(line.text) for line in file.removed):
            for function in file.functions:
                before = file.before_of(function.name)
                if before is not None and function.whole and before.whole:
                    yield from check_function(file, function, before)


def check_function(file: ChangedFile, function: Function, before: Function) -> Iterator[Finding]:
    """What one function does not do any more."""
    from patchscan.flow.unguarded import uncleared, unlocked

    for each in uncleared(function, before):
        where = f"{each.by}() on line" if each.by else "line"
        text = (
            f"{each.name} is no longer cleared: the members that nobody sets hold what was on the stack, and "
            f"{where} {file.patch_line(each.use)} hands it on"
        )
        yield file.finding(each.line, text, (file.evidence(each.set), file.evidence(each.use)))
    kept = {line: file.passage.kept(line) for line in range(before.first_line, before.last_line + 1)}
    for lock in unlocked(function, before, kept, file.added_words):
        line = next((line for line in sorted(file.touched_numbers) if line >= lock.place - 1), None)
        if line is not None:
            text = (
                f"{function.name}() does from line {file.patch_line(lock.place)} on what it did under {lock.key}, "
                f"which it takes no more; line {file.patch_line(lock.other)} still takes it, and no other is taken"
            )
            yield file.finding(line, text, (file.evidence(lock.place), file.evidence(lock.other)))


RULE = Rule(
    name="dropped-guard",
    summary="A patch no longer takes a lock around what stays, or no longer clears a struct that it hands on",
    why=(
        "What was done under a lock is done beside others who still take it. The members of a struct that nobody "
        "sets were 0 and are now what the stack held, which the one who is handed it takes for what was asked."
    ),
    source="Documentation/locking/locktypes.rst; Documentation/process/deprecated.rst; include/linux/clk-provider.h",
    severity="warning",
    confidence="medium",
    check=check,
    by_file=True,
    by_effect=True,
    bad=(
        """
 static int port_register(struct port *port)
 {
-	struct port_init init = {};
+	struct port_init init; // want "init is no longer cleared.* port_add.. on line 6 hands it on"
 
 	init.name = port->name;
 	return port_add(port, &init);
 }
""",
        """
 static void port_count(struct port *port)
 {
 	mutex_lock(&port->lock);
 	port->count++;
 	mutex_unlock(&port->lock);
 }
 
 static void port_clear(struct port *port)
 {
-	mutex_lock(&port->lock);
 	port->count = 0; // want "port_clear.. does from line 10 on what it did under &port->lock.* line 3 still takes it"
-	mutex_unlock(&port->lock);
 }
""",
    ),
    good=(
        """
 static int port_register(struct port *port)
 {
-	struct port_init init = {};
+	struct port_init init;
 
+	port_fill(port, &init);
 	init.name = port->name;
 	return port_add(port, &init);
 }
""",
        """
 static int port_register(struct port *port)
 {
-	struct port_init init = {};
+	struct port_init init;
 
+	memset(&init, 0, sizeof(init));
 	init.name = port->name;
 	return port_add(port, &init);
 }
""",
        """
 static void port_count(struct port *port)
 {
 	mutex_lock(&port->lock);
 	port->count++;
 	mutex_unlock(&port->lock);
 }
 
 static void port_clear(struct port *port)
 {
-	mutex_lock(&port->lock);
+	guard(mutex)(&port->lock);
 	port->count = 0;
-	mutex_unlock(&port->lock);
 }
""",
        """
 static void port_clear(struct port *port)
 {
-	mutex_lock(&port->lock);
 	port->count = 0;
-	mutex_unlock(&port->lock);
 }
""",
    ),
)
