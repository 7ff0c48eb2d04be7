"""A __this_cpu_*() operation where the task can be moved to another CPU in the middle of it."""

from collections.abc import Iterator

from patchscan.rule import Call, ChangedFile, Context, Finding, Function, Rule, Silence, pattern

OPERATION = pattern(
    r"(?:__this|raw)_cpu_(?:write|add|sub|inc|dec|and|or|add_return|sub_return|inc_return|dec_return|xchg|cmpxchg)"
    r"|__this_cpu_read"
)
# Who runs on one CPU stays there though preemption is on: per-CPU work and threads (lib/smp_processor_id.c agrees).
BOUND = pattern(
    r"\b(?:migrate_disable|\w*_work_on|kthread_bind\w*|kthread_create_on_cpu|\w+_percpu_threads?)\("
)


def check(context: Context) -> Iterator[Finding | Silence]:
    """Every added operation, judged by whether preemption is on at its place."""
    for file in context.c_files:
        if file.adds("__this_cpu_", "raw_cpu_"):
            for function, call in file.added_calls(lambda name: OPERATION.fullmatch(name) is not None):
                yield judge(context, file, function, call)


def judge(context: Context, file: ChangedFile, function: Function, call: Call) -> Finding | Silence:
    """A finding where preemption is on for certain: known before, or told by a call behind that sleeps."""
    if file.was_there(call.line):
        return file.fine(call.line, "the operation only moves")
    state = context.flow(function).at(call.node)
    if state.preempt_off_not_rt:
        return file.fine(call.line, "preemption is off")
    if call.name.startswith("raw_") and file.code_at(call.line) != file.text_at(call.line):
        return file.fine(call.line, "the comment beside it says why")
    line = state.preempt.line if state.preempt_off_not_rt is False else sleeps_behind(context, function, call)
    if line is None:
        return file.fine(call.line, "whether preemption is on is not known from this function")
    plain = call.name.replace("__this_cpu_", "this_cpu_").replace("raw_cpu_", "this_cpu_")
    if BOUND.search(function.source.code.decode("utf-8", "replace")):
        return file.fine(call.line, "the task may be bound to its CPU, as something in this file is")
    shown = f" (line {file.patch_line(line)} may sleep)" if line else ""
    return file.finding(
        call.line,
        f"{call.name}() with preemption on{shown}: the task may move to another CPU in the middle of it; {plain}() "
        f"is safe, or preempt_disable() around it",
        (file.evidence(line),) if line else (),
        fix=file.substitution(call.line, f"{call.name}(", f"{plain}("),
    )


def sleeps_behind(context: Context, function: Function, call: Call) -> int | None:
    """The line of a call that may sleep and is reached from this one with nothing that changes the context between."""
    from patchscan.flow.effects import effect_of, may_change_context
    from patchscan.flow.sleeping import sleeps

    statement = function.statement_of(call.node)
    while statement is not None:
        statement = statement.next_named_sibling
        if statement is None or statement.type not in (
            "expression_statement",
            "declaration",
            "if_statement",
            "comment",
        ):
            return None
        scope = statement.child_by_field_name("condition") or statement
        for each in function.calls_in(scope):
            known = sleeps(each.name, tuple(function.source.text_of(node) for node in each.arguments))
            unknown = known is None and each.name and not may_change_context(each.name)
            if known or (unknown and not isinstance(context.inside(function, each, sleeps), str)):
                return each.line
        for each in function.calls_in(statement):
            if effect_of(each.name) is not None or may_change_context(each.name) or not each.name:
                return None
    return None


RULE = Rule(
    name="raw-this-cpu-preemptible",
    summary="__this_cpu_*() where preemption is on",
    why=(
        "__this_cpu_*() and raw_cpu_*() protect themselves against nothing: the address of the variable and the "
        "access are two steps, and between them the task may move to another CPU. CONFIG_DEBUG_PREEMPT warns of the "
        "former at run time. this_cpu_*() is one step; a sequence of accesses wants preemption off."
    ),
    source="Documentation/core-api/this_cpu_ops.rst; include/linux/percpu-defs.h (__this_cpu_preempt_check())",
    severity="warning",
    confidence="high",
    check=check,
    wakes=("__this_cpu_", "raw_cpu_"),
    bad=(
        """
 static int map(struct buffer *buffer)
 {
+	__this_cpu_inc(maps_here); // want "__this_cpu_inc.. with preemption on .line 4 may sleep."
 	mutex_lock(&buffer->lock);
 	buffer->mapped = true;
 	mutex_unlock(&buffer->lock);
 	return 0;
 }
""",
        """
 static int map(struct buffer *buffer)
 {
 	struct table *table = kzalloc(64, GFP_KERNEL);
 
+	__this_cpu_add(tables_here, table != NULL); // want "this_cpu_add"
 	buffer->table = table;
 	return 0;
 }
""",
        """
>>> tree mm/other.c
void settle(struct buffer *buffer)
{
	mutex_lock(&buffer->lock);
	mutex_unlock(&buffer->lock);
}
>>> patch mm: count
>>> file mm/example.c
 static int map(struct buffer *buffer)
 {
+	__this_cpu_inc(maps_here); // want "__this_cpu_inc.. with preemption on .line 4 may sleep."
 	settle(buffer);
 	return 0;
 }
""",
    ),
    good=(
        """
 static int map(struct buffer *buffer)
 {
 	mutex_lock(&buffer->lock);
 	preempt_disable();
+	__this_cpu_inc(maps_here);
 	preempt_enable();
+	this_cpu_inc(all_maps);
 	mutex_unlock(&buffer->lock);
 	return 0;
 }
""",
        """
 static void refresh(struct work_struct *work)
 {
 	cond_resched();
+	__this_cpu_inc(refreshed);
 	schedule_delayed_work_on(smp_processor_id(), &refresher, HZ);
 }
""",
        """
 static void forget(void *unused)
 {
+	__this_cpu_write(maps_here, 0);
 }
""",
        """
 static int map(struct buffer *buffer)
 {
+	__this_cpu_inc(maps_here);
 	spin_unlock(&buffer->lock);
 	mutex_lock(&buffer->mutex);
 	return 0;
 }
""",
        """
 static int map(struct buffer *buffer)
 {
 	might_sleep();
+	raw_cpu_inc(maps); /* a lost one does not matter */
 	guard(raw_spinlock)(&buffer->lock);
+	__this_cpu_inc(maps_here);
 	return 0;
 }
""",
    ),
)
