"""A call that needs a context, RCU or a lock with interrupts off, where it is known to be absent."""

from collections.abc import Iterator

from patchscan.rule import Call, ChangedFile, Context, Finding, Function, Rule, Silence, pattern

_WAITS = pattern(r"wait_event(_interruptible|_cmd)?(_exclusive)?_lock_irq(_timeout|_cmd)?")
_PLAIN = frozenset(("spin_lock", "raw_spin_lock", "spin_lock_bh"))
_READERS = pattern(r"rcu_read_(un)?lock|guard\s*\(\s*rcu|\brcu\)\s*\(")


def check(context: Context) -> Iterator[Finding | Silence]:
    """The calls that need one, in the functions that the patch touches."""
    for file in context.c_files:
        if file.touches("cond_resched_rcu", "spin_lock", "_lock_irq"):
            for function in file.functions:
                for call in function.calls():
                    if call.name == "cond_resched_rcu":
                        yield from outside_rcu(file, function, call)
                    elif _WAITS.fullmatch(call.name):
                        yield from with_interrupts_on(context, file, function, call)


def outside_rcu(file: ChangedFile, function: Function, call: Call) -> Iterator[Finding]:
    """cond_resched_rcu(), which leaves a reader and enters it again, in a function that is none and sleeps."""
    if not function.whole or _READERS.search(function.text):
        return
    before = file.before_of(function.name)
    slept = sleeping_line(before) if before is not None else 0
    now = sleeping_line(function)
    line = line_of(file, call)
    if line and (slept or now):
        reason = (
            f"{function.name}() sleeps on line {file.patch_line(now)}"
            if now
            else f"before the patch {function.name}() slept, on line {slept}"
        )
        yield file.finding(
            line,
            f"cond_resched_rcu() leaves an RCU read-side section, and there is none here: {reason}; cond_resched() "
            "is what is meant",
            (file.evidence(now),) if now else (),
            fix=file.substitution(call.line, "cond_resched_rcu", "cond_resched"),
        )


def sleeping_line(function: Function) -> int:
    """The line of a call that is known to sleep and stands in no RCU read-side section, 0 where there is none."""
    from patchscan.flow.sleeping import sleeps

    if _READERS.search(function.text):
        return 0
    for call in function.calls():
        texts = tuple(function.source.text_of(node) for node in call.arguments)
        if call.name and call.name != "cond_resched_rcu" and sleeps(call.name, texts):
            return call.line
    return 0


def line_of(file: ChangedFile, call: Call) -> int:
    """The line to speak at: the call where it is added, 0 where it stood before."""
    return call.line if call.line in file.added_numbers and not file.was_there(call.line) else 0


def with_interrupts_on(
    context: Context, file: ChangedFile, function: Function, call: Call
) -> Iterator[Finding]:
    """A wait that drops the lock and turns interrupts on, under a lock that was taken with them as they were."""
    if len(call.arguments) < 3:
        return
    state = context.flow(function).at(call.node)
    if state is None or state.irqs_off_not_rt is True:
        return
    name = "".join(function.source.text_of(call.arguments[2]).split()).lstrip("&")
    held = next((lock for lock in state.locks if lock.name == name and lock.line), None)
    taken = [each for each in function.calls() if held is not None and each.line == held.line]
    plain = next((each for each in taken if each.name in _PLAIN), None)
    if plain is None:
        return
    lines = (call.line, plain.line)
    line = next((each for each in lines if each in file.added_numbers and not file.was_there(each)), 0)
    if line:
        yield file.finding(
            line,
            f"{call.name}() turns interrupts on while it waits, so the lock must be taken by spin_lock_irq(): line "
            f"{file.patch_line(plain.line)} takes it by {plain.name}()",
            (file.evidence(plain.line), file.evidence(call.line)),
        )


RULE = Rule(
    name="missing-context",
    summary="A call that needs an RCU read-side section, or a lock with interrupts off, where there is none",
    why=(
        "What leaves a section that nobody entered makes the count of readers wrong, and grace periods end too "
        "early or never; what turns interrupts on must not find them on already, nor be called with them off."
    ),
    source="include/linux/rcupdate.h and include/linux/sched.h (cond_resched_rcu()); include/linux/wait.h",
    severity="warning",
    confidence="high",
    check=check,
    by_file=True,
    by_effect=True,
    wakes=("cond_resched_rcu", "spin_lock", "_lock_irq"),
    bad=(
        """
 static void free_pages(struct port *port)
 {
 	struct page *page;
 	unsigned long index;
 
 	xa_for_each(&port->pages, index, page) {
 		__free_page(page);
-		cond_resched();
+		cond_resched_rcu(); // want "leaves an RCU read-side section, and there is none here: before the patch"
 	}
 }
""",
        """
 static void free_pages(struct port *port)
 {
 	mutex_lock(&port->mutex);
+	while (free_one(port))
+		cond_resched_rcu(); // want "free_pages.. sleeps on line 3"
 	mutex_unlock(&port->mutex);
 }
""",
        """
 static void wait_idle(struct port *port)
 {
-	spin_lock_irq(&port->lock);
+	spin_lock(&port->lock); // want "must be taken by spin_lock_irq..: line 3 takes it by spin_lock.."
 	wait_event_lock_irq(port->wait, !port->busy, port->lock);
 	spin_unlock(&port->lock);
 }
""",
    ),
    good=(
        """
 static void free_pages(struct port *port)
 {
 	rcu_read_lock();
 	while (free_one(port))
-		;
+		cond_resched_rcu();
 	rcu_read_unlock();
 	cond_resched();
 }
""",
        """
 static void walk(struct port *port)
 {
 	while (next(port))
-		;
+		cond_resched_rcu();
 }
""",
        """
 static void wait_idle(struct port *port)
 {
+	spin_lock_irq(&port->lock);
+	wait_event_lock_irq(port->wait, !port->busy, port->lock);
+	spin_unlock_irq(&port->lock);
 }
""",
        """
 static void wait_idle(struct port *port, unsigned long *flags)
 {
 	spin_lock_irqsave(&port->lock, *flags);
+	wait_event_lock_irq(port->wait, !port->busy, port->lock);
 	spin_unlock_irqrestore(&port->lock, *flags);
 }
""",
    ),
)
