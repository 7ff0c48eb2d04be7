"""What a file, or a way out of a function, gave back or stopped and does no more, although it still takes it."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from patchscan.rule import ChangedFile, Context, Finding, Function, Rule, Silence, pattern

if TYPE_CHECKING:
    from patchscan.flow.laststop import LastStop

# It goes with a scope, or with the device in another way.
_OTHERWISE = pattern(r"__free|devm_add_action\w*|no_free_ptr|return_ptr")
_WORD = pattern(r"[A-Za-z_]\w*")
# The object goes with the last of those who count on it, and they are what would have been stopped.
_COUNTED = pattern(r"\b(?:kref_put\w*|put_device)\s*\(([^;]*)")


def check(context: Context) -> Iterator[Finding | Silence]:
    """The files, known as a whole, of which the patch takes away a call that gives back."""
    for file in context.c_files:
        for function in file.functions if loses(file) else ():
            yield from check_function(file, function)
        if file.state.before is not None and file.state.after is not None and loses(file):
            yield from check_file(context, file)
        if (
            file.state.before is not None
            and file.state.after is not None
            and any("devm_" in line.text for line in file.removed)
        ):
            yield from check_managed(context, file)


def loses(file: ChangedFile) -> bool:
    """Whether a file loses a line that gives something back."""
    from patchscan.flow.laststop import gives

    return any(gives(each.text) for each in file.removed)


def check_managed(context: Context, file: ChangedFile) -> Iterator[Finding]:
    """What one file takes no longer for as long as its device."""
    from patchscan.flow.unmanaged import unmanaged

    if any(_OTHERWISE.fullmatch(word) for other in context.whole.c_files for word in other.added_words):
        return
    said = set()
    for each in unmanaged(file.before[0], file.after[0], file.removed_numbers, file.added_numbers):
        if each.taken not in said:
            said.add(each.taken)
            undone = f"calls {each.release}()" if each.release else "undoes that"
            text = (
                f"{each.plain}() takes the place of {each.managed}(), which undid it when the device went, and nothing "
                f"in this file {undone}"
            )
            yield file.finding(each.taken, text)


def check_function(file: ChangedFile, function: Function) -> Iterator[Finding]:
    """What one way out of a function gives back no more."""
    from patchscan.flow.lostrelease import lost_releases, lost_undos

    before = file.before_of(function.name)
    if before is None or not (function.whole and before.whole):
        return
    for each in lost_releases(function, before, file.added_words):
        line = next((line for line in sorted(file.touched_numbers) if line >= each.place - 1), None)
        if line is not None:
            text = (
                f"{function.name}() leads out on line {file.patch_line(each.place)} without {each.call}(), which it "
                f"called there before the patch, as line {file.patch_line(each.other)} still does"
            )
            yield file.finding(line, text, (file.evidence(each.place), file.evidence(each.other)))
    for undo in lost_undos(function, before, file.passage, file.added_words):
        line = next((line for line in sorted(file.touched_numbers) if line >= undo.place), None)
        if line is not None:
            text = (
                f"{function.name}() returns its failure without {undo.call}(), which it called before the patch; "
                f"{undo.taker}() on line {file.patch_line(undo.taken)} stays"
            )
            yield file.finding(line, text, (file.evidence(undo.taken),))


def check_file(context: Context, file: ChangedFile) -> Iterator[Finding]:
    """What one file ceases to give back."""
    from patchscan.flow.laststop import gives, last_stops

    words = {word for each in context.files for word in each.raw_words}
    others = {
        word
        for each in context.files
        for line in each.removed
        if not gives(line.text)
        for word in _WORD.findall(line.text)
    }
    counted = {
        word for line in file.added for put in _COUNTED.findall(line.text) for word in _WORD.findall(put)
    }
    for each in last_stops(file.before[0], file.after[0], file.removed_numbers, words, others):
        if not counted.isdisjoint(_WORD.findall(file.before[0].code_text(each.old))) or goes_by_count(
            file, each
        ):
            continue
        place = file.passage.after(each.old)
        line = next((line for line in sorted(file.touched_numbers) if line >= place.start), None)
        if line is not None:
            yield file.finding(line, message(file, each), (file.evidence(each.taken),))


def goes_by_count(file: ChangedFile, found: "LastStop") -> bool:
    """Whether memory that is no longer freed lies beside an object put there, whose release may free it."""
    function = file.after[0].function_named(found.by)
    return (
        "free" in found.name
        and function is not None
        and any(_COUNTED.match(f"{call.name}()") for call in function.calls())
    )


def message(file: ChangedFile, found: "LastStop") -> str:
    """What is not given back any more."""
    taken = f"{found.taker}() on line {file.patch_line(found.taken)}"
    if found.left:
        return (
            f"{found.by}() no longer waits for what {found.key} may be doing: {found.left}() only asks it to stop, "
            f"and nothing else in this file waits; {taken} makes it ready to run"
        )
    return (
        f"nothing in this file calls {found.name}() for {found.key} any more, as {found.by}() did before the patch, "
        f"but {taken} stays"
    )


RULE = Rule(
    name="dropped-cleanup",
    summary="What a file gave back or stopped it gives back nowhere after the patch, and still takes it",
    why=(
        "What runs by itself, work or a timer, goes on when its memory is freed already; what is registered is called "
        "when its code is gone; what is taken is never given back."
    ),
    source=(
        "Documentation/core-api/workqueue.rst; include/linux/timer.h; "
        "Documentation/driver-api/driver-model/driver.rst; "
        "the rows of rules/tables/resources.toml and rules/tables/words.toml"
    ),
    severity="warning",
    confidence="medium",
    check=check,
    bad=(
        """
>>> tree mm/Makefile
obj-y += example.o
>>> patch mm: rework the port
Rework it.
>>> file mm/example.c
 static int probe(struct port *port)
 {
 	INIT_DELAYED_WORK(&port->poll, port_poll);
 	return port_start(port);
 }
 
 static void remove(struct port *port)
 {
-	cancel_delayed_work_sync(&port->poll);
 	port_free(port); // want "calls cancel_delayed_work_sync.. for poll any more, as remove.. did"
 }
""",
        """
>>> tree mm/Makefile
obj-y += example.o
>>> patch mm: rework the port
Rework it.
>>> file mm/example.c
 static int probe(struct port *port)
 {
 	timer_setup(&port->tick, port_tick, 0);
 	return port_start(port);
 }
 
 static void remove(struct port *port)
 {
-	timer_delete_sync(&port->tick);
+	timer_delete(&port->tick); // want "remove.. no longer waits for what tick may be doing: timer_delete.. only asks"
 	port_free(port);
 }
""",
        """
>>> tree mm/Makefile
obj-y += example.o
>>> patch mm: rework the port
Rework it.
>>> file mm/example.c
 static int probe(struct port *port)
 {
 	return sysfs_create_group(&port->dev.kobj, &port_group);
 }
 
 static void remove(struct port *port)
 {
-	sysfs_remove_group(&port->dev.kobj, &port_group);
 	port_free(port); // want "calls sysfs_remove_group.. for port_group any more"
 }
""",
        """
>>> tree mm/Makefile
obj-y += example.o
>>> patch mm: rework the port
Rework it.
>>> file mm/example.c
 static int probe(struct port *port)
 {
-	int ret = devm_pm_runtime_enable(port->dev);
-
-	if (ret)
-		return ret;
+	pm_runtime_enable(port->dev); // want "takes the place of devm_pm_runtime_enable"
 	return port_start(port);
 }
""",
        """
 static int load(struct port *port, struct key *key)
 {
 	struct entry *entry = entry_find(port, key);
 
 	if (!entry)
 		return -ENOENT;
-	if (entry_stale(entry)) {
-		entry_put(entry);
+	if (entry_stale(entry)) // want "load.. leads out on line 8 without entry_put.., which it called there before"
 		return -ESTALE;
-	}
 	show(entry);
 	entry_put(entry);
 	return 0;
 }
""",
        """
 static int port_lock_all(struct port *port)
 {
 	int ret = port_prepare(port);
 
 	if (ret)
 		return ret;
 	ret = port_wait(port);
-	if (ret)
-		port_unprepare(port);
-
 	return ret; // want "returns its failure without port_unprepare.., which it called .*; port_prepare.. on line 3"
 }
""",
    ),
    good=(
        """
 static int port_lock_all(struct port *port)
 {
 	int ret = port_prepare(port);
 
 	if (ret)
 		return ret;
 	ret = port_wait(port);
-	if (ret)
-		port_unprepare(port);
+	if (ret < 0)
+		port_unprepare(port);
 
 	return ret;
 }
""",
        """
 static int load(struct port *port, struct key *key)
 {
 	struct entry *entry = entry_find(port, key);
 	int ret = -ESTALE;
 
-	if (entry_stale(entry)) {
-		entry_put(entry);
+	if (entry_stale(entry))
 		goto out;
-	}
 	ret = show(entry);
 out:
 	entry_put(entry);
 	return ret;
 }
""",
        """
 static int load(struct port *port, struct key *key)
 {
 	struct entry *entry = entry_find(port, key);
 
 	if (!entry)
 		return -ENOENT;
-	if (entry_stale(entry)) {
-		entry_put(entry);
+	if (entry_stale(entry))
 		return -ESTALE;
-	}
-	if (entry_empty(entry)) {
-		entry_put(entry);
+	if (entry_empty(entry))
 		return -ENODATA;
-	}
 	show(entry);
 	entry_put(entry);
 	return 0;
 }
""",
        """
>>> tree mm/Makefile
obj-y += example.o
>>> patch mm: rework the port
Rework it.
>>> file mm/example.c
 static int probe(struct port *port)
 {
-	INIT_DELAYED_WORK(&port->poll, port_poll);
-	return port_start(port);
+	return devm_delayed_work_autocancel(port->dev, &port->poll, port_poll);
 }
 
 static void remove(struct port *port)
 {
-	cancel_delayed_work_sync(&port->poll);
 	port_free(port);
 }
""",
        """
>>> tree mm/Makefile
obj-y += example.o
>>> patch mm: rework the port
Rework it.
>>> file mm/example.c
 static int probe(struct port *port)
 {
 	INIT_WORK(&port->work, port_work);
 	port->queue = alloc_workqueue("port", 0, 0);
 	return port_start(port);
 }
 
 static void remove(struct port *port)
 {
-	cancel_work_sync(&port->work);
 	destroy_workqueue(port->queue);
 	port_free(port);
 }
""",
        """
>>> tree mm/Makefile
obj-y += example.o
>>> patch mm: rework the port
Rework it.
>>> file mm/example.c
 static int probe(struct port *port)
 {
 	timer_setup(&port->tick, port_tick, 0);
 	return port_start(port);
 }
 
 static void remove(struct port *port)
 {
-	timer_delete_sync(&port->tick);
+	timer_shutdown_sync(&port->tick);
 	port_free(port);
 }
""",
        """
>>> tree mm/Makefile
obj-y += example.o
>>> patch mm: rework the port
Rework it.
>>> file mm/example.c
 static int probe(struct port *port)
 {
 	timer_setup(&port->tick, port_tick, 0);
 	return port_start(port);
 }
 
 static void quiet(struct port *port)
 {
-	timer_delete_sync(&port->tick);
 	port_calm(port);
 }
 
 static void remove(struct port *port)
 {
 	timer_delete_sync(&port->tick);
 	port_free(port);
 }
""",
    ),
)
