"""A call that may sleep where sleeping is forbidden."""

from collections.abc import Iterator

from patchscan.context import ChangedFile, Context
from patchscan.pattern import pattern
from patchscan.rule import Evidence, Finding, Rule, Silence
from patchscan.source import Call, Function, Source, parse

# Without one of these on an added line, the patch neither sleeps nor forbids it.
WORDS = pattern(r"\w\s*\(|\bguard|GFP_")
# The scheduler calls schedule() itself with preemption off, and knows why.
OWN_BUSINESS = frozenset(("schedule", "might_sleep", "might_fault"))
MOST_FILES = 20


def check(context: Context) -> Iterator[Finding | Silence]:
    """Every call that may sleep, where it is added or what forbids it is."""
    for file in context.c_files:
        if any(WORDS.search(line.text) for line in file.added):
            for function in file.functions:
                yield from check_function(context, file, function)


def check_function(context: Context, file: ChangedFile, function: Function) -> Iterator[Finding | Silence]:
    """The calls of one function, each judged by the state it is made in."""
    for call in function.calls():
        if not call.name or call.name in OWN_BUSINESS:
            continue
        sleeps = is_known_to_sleep(function, call)
        state = context.flow(function).at(call.node) if sleeps is not False else None
        if state is None:
            continue
        if state.may_sleep is False:
            where = "" if sleeps else sleeps_inside(context, function, call)
            if where is not None:
                yield from judge(file, function, call, state.evidence("may_sleep"), where)
        elif sleeps and call.line in file.added_numbers and not file.was_there(call.line):
            yield judge_callers(context, file, function, call)


def is_known_to_sleep(function: Function, call: Call) -> bool | None:
    """Whether the call may sleep, None for functions that the core kernel's list does not hold."""
    from patchscan.flow.sleeping import sleeps

    return sleeps(call.name, tuple(function.source.text_of(node) for node in call.arguments))


def sleeps_inside(context: Context, function: Function, call: Call) -> str | None:
    """How a function of this file, or of one that the series changes, sleeps; None when it is not known to.

    In words that follow its name.
    """
    if function.source.function_named(call.name) is not None:
        inner = unconditional_sleep(context, function.source, call.name)
        return f" (it calls {inner.name}() on line {inner.line})" if inner else None
    for each in (context, *context.earlier):
        for file in each.c_files:
            for source in file.after if file.adds(call.name) else ():
                inner = unconditional_sleep(context, source, call.name)
                if inner is not None:
                    return f" (it calls {inner.name}() on {file.path}:{file.patch_line(inner.line)})"
    return None


def unconditional_sleep(context: Context, source: Source, name: str) -> Call | None:
    """The call with which a function of a text sleeps when it gets so far: under no condition.

    One behind the drop of something that the caller holds does not count.
    """
    from patchscan.flow import states
    from patchscan.flow.state import ATOMIC

    callees = [each for each in source.functions() if each.name == name]
    if len(callees) != 1 or callees[0].partial or not callees[0].whole:
        return None
    callee = callees[0]
    flow = states(callee, ATOMIC, context.summaries(source))
    for call in callee.calls():
        if is_known_to_sleep(callee, call) and not any(
            each.kind != "do" for each in callee.enclosing(call.node)
        ):
            state = flow.at(call.node)
            if not state.dropped and state.irqs_off and state.preempt.value and state.rcu.value:
                return call
    return None


def judge(
    file: ChangedFile, function: Function, call: Call, reason: int, where: str
) -> Iterator[Finding | Silence]:
    """A finding where the call, or the line that forbids to sleep (0: on entry), is added."""
    line = next((each for each in (call.line, reason) if each in file.added_numbers), None)
    if line is None or file.was_there(line):
        return
    if reason:
        forbids = f"line {file.patch_line(reason)} forbids: {file.text_at(reason).strip()}"
    else:
        forbids = f"what runs {function.name}() as its callback forbids"
    other = call.line if line != call.line else reason or function.first_line
    yield file.finding(line, f"{call.name}() may sleep{where}, which {forbids}", (file.evidence(other),))


def judge_callers(context: Context, file: ChangedFile, function: Function, call: Call) -> Finding | Silence:
    """A finding where the function did not sleep before, and a caller may not."""
    if function.enclosing(call.node) or not did_not_sleep(file, function):
        return file.fine(call.line, "nothing is known that forbids to sleep here")
    for path, caller, line, reason in atomic_callers(context, file, function):
        return file.finding(
            call.line,
            f"{call.name}() makes {function.name}() sleep, but {caller.name}() in {path} calls it where "
            f"line {reason} forbids that: {caller.source.line_text(reason).strip()}",
            (Evidence(path, line, caller.source.line_text(line)),),
        )
    return file.fine(call.line, "nothing is known that forbids to sleep here, nor in its callers")


def did_not_sleep(file: ChangedFile, function: Function) -> bool:
    """Whether the function was there before the patch, and nothing in it was known to sleep."""
    before = file.before_of(function.name) if function.whole else None
    return before is not None and not any(is_known_to_sleep(before, call) for call in before.calls())


def atomic_callers(
    context: Context, file: ChangedFile, function: Function
) -> Iterator[tuple[str, Function, int, int]]:
    """(path, caller, line of the call, line that forbids to sleep) of calls where sleeping is forbidden."""
    for path, caller in callers(context, file, function):
        for call in caller.calls():
            state = context.flow(caller).at(call.node) if call.name == function.name else None
            if state is not None and state.may_sleep is False and state.evidence("may_sleep"):
                yield path, caller, call.line, state.evidence("may_sleep")


def callers(context: Context, file: ChangedFile, function: Function) -> Iterator[tuple[str, Function]]:
    """The functions that call this one: those of its file and, where it is not static, of the tree."""
    for source in file.after:
        yield from ((file.path, each) for each in source.functions() if function.name in each.text)
    if function.is_static or not context.has_tree:
        return
    from patchscan.tree.uses import find_uses

    used = find_uses(context.view, function.name).of_kind("call")
    for path in sorted({use.path for use in used} - {file.path})[:MOST_FILES]:
        names = {use.function for use in used if use.path == path}
        source = parse(context.view.read(path) or b"", path)
        yield from ((path, each) for each in source.functions() if each.name in names)


RULE = Rule(
    name="sleep-in-atomic",
    summary="A call that may sleep under a spinlock, in an RCU reader or with preemption off",
    why=(
        "A task that sleeps with a spinlock held or preemption off lets others spin for it without end; in an RCU "
        "read-side section it makes the grace period end too early or never. It works in tests as long as memory is "
        "there and locks are free."
    ),
    source=(
        "Documentation/core-api/memory-allocation.rst (GFP flags); Documentation/locking/locktypes.rst; "
        "Documentation/RCU/checklist.rst; reviews, such as of workingset_test_recent() under rcu_read_lock(), 2023"
    ),
    severity="error",
    confidence="high",
    check=check,
    bad=(
        """
 static int grow(struct buffer *buffer)
 {
 	spin_lock(&buffer->lock);
+	buffer->table = kmalloc(64, GFP_KERNEL); // want "kmalloc.. may sleep, which line 3 forbids: spin_lock"
 	spin_unlock(&buffer->lock);
 	return 0;
 }
""",
        """
 static void wait(struct buffer *buffer)
 {
 	rcu_read_lock();
+	synchronize_rcu(); // want "rcu_read_lock"
 	rcu_read_unlock();
 }
""",
        """
 static void settle(struct buffer *buffer)
 {
 	if (buffer->settled)
 		return;
 	mutex_lock(&buffer->mutex);
 	buffer->settled = true;
 	mutex_unlock(&buffer->mutex);
 }
 
 static void settle_all(struct buffer *buffer)
 {
 	guard(spinlock)(&list_lock);
+	settle(buffer); // want "it calls mutex_lock"
 }
""",
        """
 static void wait_for_walks(void)
 {
-	send_interrupts();
+	synchronize_rcu(); // want "free_table.. in mm/example.c calls it where line 8 forbids that: spin_lock"
 }
 
 void free_table(struct table *table)
 {
 	spin_lock(&table->lock);
 	wait_for_walks();
 	spin_unlock(&table->lock);
 }
""",
        """
>>> patch mm: settle from outside
>>> file mm/other.c
+void settle(struct buffer *buffer)
+{
+	if (buffer->settled)
+		return;
+	down_write(&buffer->semaphore);
+	up_write(&buffer->semaphore);
+}
>>> patch mm: settle early
>>> file mm/example.c
 static void use(struct buffer *buffer)
 {
 	preempt_disable();
+	settle(buffer); // want "it calls down_write.. on mm/other.c:5"
 	preempt_enable();
 }
""",
        """
 static int grow(struct buffer *buffer)
 {
+	spin_lock(&buffer->lock); // want "kmalloc"
 	buffer->table = kmalloc(64, GFP_KERNEL);
+	spin_unlock(&buffer->lock);
 	return 0;
 }
""",
    ),
    good=(
        """
 static void take_breath(void)
 {
 	rcu_read_unlock();
 	cond_resched();
 	rcu_read_lock();
 }
 
 static void walk(struct buffer *buffer)
 {
 	rcu_read_lock();
+	take_breath();
 	rcu_read_unlock();
 }
""",
        """
 static void mark(struct buffer *buffer)
 {
 	assert_spin_locked(&buffer->lock);
 	buffer->marked = true;
 }
 
 static void mark_and_wait(struct buffer *buffer)
 {
 	spin_lock(&buffer->lock);
 	mark(buffer);
 	spin_unlock(&buffer->lock);
+	wait_on_bit(&buffer->flags, BUSY, TASK_UNINTERRUPTIBLE);
 }
""",
        """
 static void wait_for_walks(void)
 {
-	send_interrupts();
+	synchronize_rcu();
 }
 
 void free_table(struct table *table)
 {
 	spin_lock(&table->lock);
 	unlink(table);
 	spin_unlock(&table->lock);
 	wait_for_walks();
 }
""",
        """
 static int grow(struct buffer *buffer)
 {
 	spin_lock(&buffer->lock);
+	buffer->table = kmalloc(64, GFP_ATOMIC);
 	spin_unlock(&buffer->lock);
 	return 0;
 }
""",
        """
 static int grow(struct buffer *buffer)
 {
+	struct table *table = kmalloc(64, GFP_KERNEL);
+
 	spin_lock(&buffer->lock);
 	buffer->table = table;
 	spin_unlock(&buffer->lock);
 	return 0;
 }
""",
        """
 static int grow(struct buffer *buffer, gfp_t flags, bool locked)
 {
 	if (locked)
 		spin_unlock(&buffer->lock);
+	buffer->table = kmalloc(64, GFP_KERNEL);
+	buffer->other = kmalloc(64, flags);
+	mutex_lock(&buffer->mutex);
 	if (locked)
 		spin_lock(&buffer->lock);
 	return 0;
 }
""",
        """
 static int walk(struct buffer *buffer)
 {
 	int index = srcu_read_lock(&srcu);
 
 	if (!mutex_trylock(&buffer->mutex)) {
+		msleep(1);
 	}
 	srcu_read_unlock(&srcu, index);
 	rcu_read_lock();
 	if (!buffer->table) {
 		rcu_read_unlock();
+		synchronize_rcu();
 		return -ENOENT;
 	}
 	rcu_read_unlock();
 	return 0;
 }
""",
    ),
)
