"""A way out of a function that keeps a lock, a reference or memory which the function should give back."""

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from patchscan.rule import ChangedFile, Context, Finding, Function, Rule, Silence, pattern, source_of

if TYPE_CHECKING:
    from patchscan.flow.unbalanced import Leak

_MOST_STEPS = 6
_LOCKS = pattern(r"(\w+_)?(try)?lock(_(irq|irqsave|bh|nested|killable|interruptible))?")
_LEAKS = pattern(r"(?m)^\s*\w*leak\w*\s*:")
_LEADS = pattern(r"\w\s*\(|\bgoto\b|\breturn\b")


def check(context: Context) -> Iterator[Finding | Silence]:
    """Every function that the patch touches, beside what it was before."""
    for file in context.c_files:
        for function in file.functions:
            yield from check_function(context, file, function)


def check_function(context: Context, file: ChangedFile, function: Function) -> Iterator[Finding | Silence]:
    """What one function keeps because of the patch."""
    from patchscan.flow.taking import takes_by

    before = file.before_of(function.name)
    words = file.changed_words(function)
    loses = loses_a_call(file, before)
    if not takes_by(function, words) and not loses:
        return
    if not function.whole:
        yield file.unchecked(function.first_line, "what a function holds at its end needs all of it")
        return
    from patchscan.flow.unbalanced import new_leaks

    def defined(name: str) -> Sequence[Function]:
        own = source_of(function).function_named(name)
        return (own,) if own is not None else context.callees.definitions(name, source_of(function)).functions

    leaks = new_leaks(function, before, words, loses, file.passage.kept, defined)
    if leaks is None:
        yield file.unchecked(function.first_line, f"not all ways through {function.name}() could be read")
        return
    found = held(file, function, [each for each in leaks if not each.owned])
    yield from found
    if not found and before is not None and loses and not any(each.owned for each in leaks):
        yield from fallen(file, function, before)


def held(file: ChangedFile, function: Function, leaks: "Sequence[Leak]") -> list[Finding]:
    """What tables and pairs of names tell."""
    found: dict[tuple[str, int], list[Leak]] = {}
    for leak in leaks:
        released = leak.holding.resource.row.release
        if leak.why == "was given back" and not made_managed(file).isdisjoint(released):
            continue
        if _LOCKS.fullmatch(function.name) and leak.why == "others give it back":
            # It is there to hold, and what it returns tells its caller whether it does.
            continue
        if leak.why == "others give it back" and _LEAKS.search(function.text):
            # What cannot be given back any more is let go on purpose.
            continue
        if (
            leak.why == "was given back"
            and leak.holding.resource.named
            and is_done_away(file, function, leak)
        ):
            continue
        found.setdefault((leak.holding.resource.key, leak.way.token.line), []).append(leak)
    return [finding for each in found.values() if (finding := report(file, function, each)) is not None]


def made_managed(file: ChangedFile) -> frozenset[str]:
    """What gave back what the device does now: port_free() where port_alloc() becomes devm_port_alloc()."""
    from patchscan.flow.taking import releases_of

    managed = (word.removeprefix("devm_") for word in file.added_words if word.startswith("devm_"))
    return frozenset(name for word in managed if word in file.removed_words for name in releases_of(word))


def is_done_away(file: ChangedFile, function: Function, leak: "Leak") -> bool:
    """Whether the patch does away with what gave back, or changes what takes: its pair may be none any more."""
    source = source_of(function)
    row = leak.holding.resource.row
    if not any(re.search(rb"\b%s\b" % name.encode(), source.code) for name in row.release):
        return True
    taker = source.function_named(leak.way.token.by)
    old = file.before_of(leak.way.token.by)
    return taker is not None and old is not None and taker.text != old.text


def loses_a_call(file: ChangedFile, before: Function | None) -> bool:
    """Whether the patch takes away a line of a function that calls something or leads elsewhere."""
    return before is not None and any(
        _LEADS.search(before.source.code_text(line)) is not None
        for line in before.lines_among(file.removed_numbers)
    )


def fallen(file: ChangedFile, function: Function, before: Function) -> Iterator[Finding]:
    """What a way out no longer gives back, told by the ways out beside it (see patchscan.flow.ladder)."""
    from patchscan.flow.ladder import newly_missing

    managed = made_managed(file)
    for each in newly_missing(function, before, file.passage.kept):
        if each.call.name in managed:
            continue
        other = file.patch_line(each.other)
        why = {
            "before": f"the way out before it, from line {other}, makes it, and nothing since did",
            "after": f"the next way out, from line {other}, makes it, and nothing it gives back is taken between",
            "dead": f"no way leads to it on line {other} any more",
        }[each.why]
        near = (line for line in sorted(file.touched_numbers) if line >= each.line)
        line = next(near, each.line)
        yield file.finding(
            line,
            f"{function.name}() no longer calls {each.call.name}() where line {file.patch_line(each.line)} leads out, "
            f"as it did before the patch; {why}",
            (file.evidence(each.line), file.evidence(each.other)),
        )
        return


def report(file: ChangedFile, function: Function, found: "Sequence[Leak]") -> Finding | None:
    """A finding for what is kept on one or more ways out, at a line that the patch touches."""
    placed = [(each, line) for each in found if (line := place(file, each)) is not None]
    if not placed:
        return None
    leak, line = placed[0]
    way, row = leak.way, leak.holding.resource.row
    even = f", although {way.token.by}() failed" if way.token.failed else ""
    others = sorted({each.way.line for each, _ in placed} - {way.line})
    also = f" (so on line {', '.join(str(file.patch_line(each)) for each in others)})" if others else ""
    what = row.what or f"what {way.token.by}() began"
    if way.again:
        what = f"{function.name}() takes {what} anew on line {file.patch_line(way.line)} with that of before"
        message = f"{what} still held; {reason(file, leak)}"
        return file.finding(line, message, tuple(file.evidence(each) for each in shown(leak)))
    message = (
        f"{function.name}() ends on line {file.patch_line(way.line)}{also} with {what} "
        f"(line {file.patch_line(way.token.line)}) still held{even}; {reason(file, leak)}"
    )
    return file.finding(line, message, tuple(file.evidence(each) for each in shown(leak)))


def reason(file: ChangedFile, leak: "Leak") -> str:
    """Why it should have been given back."""
    release = leak.holding.resource.row.shown
    if leak.why == "was given back":
        return f"before the patch {release}() gave it back on such a way"
    if leak.other is not None:
        line = file.patch_line(leak.other.token.line)
        if leak.jump:
            jump = file.patch_line(leak.jump)
            return f"the jump on line {jump} goes past {leak.other.token.by}() on line {line}"
        return f"another way out gives it back by {leak.other.token.by}() on line {line}"
    return f"{release}() is missing"


def place(file: ChangedFile, leak: "Leak") -> int | None:
    """The line to speak at: the last of the way that the patch adds, or where it took a line away."""
    way = leak.way
    steps = [line for line in leak.decisions if line > way.token.line]
    lines = [*([leak.jump] if leak.jump else ()), way.line, *reversed(steps), way.token.line]
    added = [line for line in lines if line in file.added_numbers and not file.was_there(line)]
    if added or leak.why != "was given back":
        return added[0] if added else None
    touched = [line for line in file.touched_numbers if way.token.line <= line <= max(lines)]
    return min(touched, default=way.line)


def shown(leak: "Leak") -> list[int]:
    """The lines that prove it: where it is taken, what is decided on the way, the way out, and who gives it back."""
    way = leak.way
    steps = [line for line in leak.decisions if line > way.token.line]
    found = list(dict.fromkeys((way.token.line, *steps[-_MOST_STEPS:], way.line)))
    if leak.other is not None and leak.other.token.line not in found:
        found.append(leak.other.token.line)
    return found


RULE = Rule(
    name="held-at-exit",
    summary="A way out of a function keeps a lock, a reference or memory that the function gives back elsewhere",
    why=(
        "Whoever wants a lock next that was kept waits for ever; a device whose runtime PM count or clock is kept "
        "never sleeps; a reference or memory that is kept is never freed. It is seldom tested, for most such ways out "
        "are taken when something fails."
    ),
    source=(
        "Documentation/process/coding-style.rst (centralized exiting of functions); "
        "Documentation/power/runtime_pm.rst; drivers/of/base.c; lib/kobject.c; the rows of rules/tables/resources.toml"
    ),
    severity="warning",
    confidence="high",
    check=check,
    by_file=True,
    by_effect=True,
    bad=(
        """
 static int scan(struct port *port, int length)
 {
 	char *list;
 
 retry:
 	list = kmalloc(length, GFP_KERNEL);
 	if (!list)
 		return -ENOMEM;
 	if (fill(port, list) > length) {
 		length *= 2;
-		kfree(list);
-		goto retry;
+		goto retry; // want "takes the memory anew on line 6 with that of before still held; before the patch kfree"
 	}
 	use(port, list);
 	kfree(list);
 	return 0;
 }
""",
        """
 static int scan(struct port *port)
 {
 	mutex_lock(&port->lock);
 	mutex_lock(&port->inner);
 	port->scans++;
 	mutex_unlock(&port->inner);
-	mutex_unlock(&port->lock);
-	return 0;
+	return 0; // want "mutex .line 3. still held; before the patch mutex_unlock"
 }
""",
        """
 static int calibrate(struct port *port)
 {
 	int *table = read_table(port);
 	int ret;
 
 	if (IS_ERR(table))
 		return PTR_ERR(table);
 	ret = write_table(port, table);
-	kfree(table);
-	return ret;
+	return ret; // want "with what read_table.. returned .line 3. still held; before the patch kfree.. gave it back"
 }
""",
        """
 static int open(struct port *port)
 {
 	int ret;
 
 	ret = port_make_vectors(port);
 	if (ret)
 		goto out_reset;
 	ret = set_queues(port, 4);
 	if (ret)
-		goto out_vectors;
+		goto out_reset; // want "where line 9 leads out.*next way out, from line 12"
 	ret = set_buffers(port, 4);
 	if (ret)
 		goto out_vectors;
 	return 0;
 
 out_vectors:
 	port_free_vectors(port);
 out_reset:
 	port_reset(port);
 	return ret;
 }
""",
    ),
    good=(
        """
+static int resume(struct port *port)
+{
+	int ret;
+
+	mutex_init(&port->lock);
+	port_enable_reset(port);
+	ret = power_on(port);
+	if (ret)
+		return ret;
+	port_disable_reset(port);
+	mutex_destroy(&port->lock);
+	return 0;
+}
""",
        """
+static struct folio *find_part(struct mapping *mapping, unsigned long index)
+{
+	struct folio *folio = find_entry(mapping, index);
+
+	if (!folio)
+		return folio;
+	if (!is_value(folio)) {
+		folio_lock(folio);
+		if (folio->mapping == mapping)
+			return folio;
+		folio_unlock(folio);
+		folio_put(folio);
+	}
+	folio = NULL;
+	read_folio(mapping, index, &folio);
+	return folio;
+}
""",
        """
+static void port_lock(struct port *port)
+{
+	struct hub *hub;
+
+again:
+	hub = port->hub;
+	if (!hub)
+		return;
+	spin_lock(&hub->lock);
+	if (hub != port->hub) {
+		spin_unlock(&hub->lock);
+		goto again;
+	}
+	trace_port_start_scan(port);
+}
""",
        """
+static int port_trylock_bh(struct port *port)
+{
+	int ret;
+
+	local_bh_disable();
+	ret = port_try(port);
+	if (!ret)
+		local_bh_enable();
+	return ret;
+}
""",
        """
 static int scan(struct port *port, int length)
 {
 	char *list = NULL;
 
 	do {
-		kfree(list);
+		put_list(port, list);
 		list = kmalloc(length, GFP_KERNEL);
 		if (!list)
 			return -ENOMEM;
 	} while (fill(port, list) > length);
 	use(port, list);
 	kfree(list);
 	return 0;
 }
""",
        """
+#define port_begin(port) devm_port_begin(port)
+
 static int open(struct port *port)
 {
 	int ret = port_begin(port);
 
 	if (ret)
 		return ret;
 	ret = send(port);
-	if (ret)
-		port_end(port);
 	return ret;
 }
""",
        """
 static int open(struct port *port)
 {
 	int ret;
 
-	ret = port_make_vectors(port);
-	if (ret)
-		goto out_reset;
 	ret = set_queues(port, 4);
 	if (ret)
-		goto out_vectors;
+		goto out_reset;
+	ret = port_make_vectors(port);
+	if (ret)
+		goto out_reset;
 	ret = set_buffers(port, 4);
 	if (ret)
 		goto out_vectors;
 	return 0;
 
 out_vectors:
 	port_free_vectors(port);
 out_reset:
 	port_reset(port);
 	return ret;
 }
""",
    ),
)
