"""A call that may sleep where sleeping is forbidden."""

from collections.abc import Iterator

from patchscan.rule import (
    Call,
    ChangedFile,
    Context,
    Evidence,
    Finding,
    Function,
    Rule,
    Silence,
    frozen,
    pattern,
    source_of,
)

# Without one of these on an added line, the patch neither sleeps nor forbids it.
WORDS = pattern(r"\w\s*\(|\bguard|GFP_")
# The scheduler calls schedule() itself with preemption off, and knows why.
_FLAGS = pattern(r"GFP_(KERNEL|USER|NOFS|NOIO)(_ACCOUNT)?")
OWN_BUSINESS = frozenset(("schedule", "might_sleep", "might_fault"))


def check(context: Context) -> Iterator[Finding | Silence]:
    """Every call that may sleep, where it is added or what forbids it is."""
    for file in context.c_files:
        if any(WORDS.search(line.text) for line in file.added):
            for function in file.functions:
                yield from check_function(context, file, function)


def check_function(context: Context, file: ChangedFile, function: Function) -> Iterator[Finding | Silence]:
    """The calls of one function, each judged by the state it is made in."""
    from patchscan.flow.sleeping import tells_no_context

    calm = context.view.tree is None and tells_no_context(source_of(function))
    forbidden = []
    for call in function.calls():
        if not call.name or call.name in OWN_BUSINESS:
            continue
        sleeps = is_known_to_sleep(function, call)
        if sleeps is False:
            continue
        state = None if calm else context.flow(function).at(call.node)
        if state is not None and state.may_sleep is False:
            reason = state.evidence("may_sleep")
            line = next((each for each in (call.line, reason) if each in file.added_numbers), None)
            if line is not None and not file.was_there(line):
                forbidden.append(Forbidden(call, line, reason, bool(sleeps)))
        elif sleeps and call.line in file.added_numbers and not file.was_there(call.line):
            yield judge_callers(context, file, function, call)
    # What the patch adds is looked up first: look-ups in the tree are bounded.
    forbidden.sort(key=lambda each: (not each.sleeps, each.line != each.call.line, each.call.line))
    names = [each.call.name for each in forbidden if not each.sleeps]
    if names and context.has_tree:
        own = {each.name for each in source_of(function).functions()}
        context.callees.look_ahead([name for name in names if name not in own], source_of(function))
    for place in forbidden:
        yield from judge(context, file, function, place)


@frozen
class Forbidden:
    """A call where sleeping is forbidden: the added line to speak of, the line that forbids it (0: on entry).

    sleeps: whether the call itself is known to sleep, or only its definition tells.
    """

    call: Call
    line: int
    reason: int
    sleeps: bool


def is_known_to_sleep(function: Function, call: Call) -> bool | None:
    """Whether the call may sleep, None for functions that the core kernel's list does not hold."""
    from patchscan.flow.sleeping import sleeps

    return sleeps(call.name, tuple(function.source.text_of(node) for node in call.arguments))


def judge(
    context: Context, file: ChangedFile, function: Function, place: Forbidden
) -> Iterator[Finding | Silence]:
    """A finding where the call sleeps, itself or in the function that it calls."""
    from patchscan.flow.sleeping import sleeps

    call, line = place.call, place.line
    inside = None if place.sleeps else context.inside(function, call, sleeps)
    if isinstance(inside, str):
        if inside and (flags := blocking_flags(function, call)):
            yield handed(file, function, place, flags)
        elif inside:
            yield file.unchecked(line, f"whether the function called here may sleep is not known: {inside}")
        return
    where = ""
    shown: tuple[Evidence, ...] = ()
    if inside is not None:
        at = f"on line {inside.line}" if inside.path == file.path else f"in {inside.path}:{inside.line}"
        where = f" (it calls {inside.name}() {at})"
        shown = (Evidence(inside.path, inside.line, inside.text),)
    reason, forbids = what_forbids(file, function, place.reason)
    other = call.line if line != call.line else reason
    yield file.finding(
        line, f"{call.name}() may sleep{where}, which {forbids}", (file.evidence(other), *shown)
    )


def blocking_flags(function: Function, call: Call) -> str:
    """The GFP flags that a call is handed and that let it sleep, "" where there are none."""
    texts = (function.source.text_of(node) for node in call.arguments)
    return next((text for text in texts if _FLAGS.fullmatch(text)), "")


def handed(file: ChangedFile, function: Function, place: Forbidden, flags: str) -> Finding:
    """A finding on a call whose definition is not at hand, and which is told that it may sleep."""
    reason, forbids = what_forbids(file, function, place.reason)
    other = place.call.line if place.line != place.call.line else reason
    message = f"{place.call.name}() is handed {flags}, by which it may sleep, which {forbids}"
    return file.finding(place.line, message, (file.evidence(other),))


def what_forbids(file: ChangedFile, function: Function, reason: int) -> tuple[int, str]:
    """The line that forbids to sleep, and how to say so; reason: 0 where that is what registers the function."""
    from patchscan.flow.callbacks import Callback, callbacks

    if reason:
        return reason, f"line {file.patch_line(reason)} forbids: {file.text_at(reason).strip()}"
    callback = callbacks(source_of(function)).get(function.name, Callback("callback", function.name_line))
    shown = f"line {file.patch_line(callback.line)}: {file.text_at(callback.line).strip()}"
    return callback.line, f"{function.name}() must not ({callback.kind}, {shown})"


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
    if not function.is_static and context.has_tree:
        yield from context.callers_elsewhere(function.name, {file.path})


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
    by_file=True,
    by_effect=True,
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
 static void reserve(struct buffer *buffer, struct list_head *list)
 {
 	spin_lock(&buffer->lock);
+	buffer->region = new_region(buffer->end, GFP_KERNEL); // want "new_region.. is handed GFP_KERNEL, by which it may"
 	spin_unlock(&buffer->lock);
 }
""",
        """
>>> tree mm/example.c
static int table_changed(struct notifier_block *block, unsigned long action, void *data)
{
	return NOTIFY_DONE;
}

static struct notifier_block table_block = {
	.notifier_call = table_changed,
};

static int start(void)
{
	return register_inet6addr_notifier(&table_block);
}
>>> patch mm: wait for the mutex
>>> file mm/example.c
@@
 static int table_changed(struct notifier_block *block, unsigned long action, void *data)
 {
+	mutex_lock(&table_mutex); // want "table_changed.. must not .atomic notifier, line .*: return register_inet6addr"
+	mutex_unlock(&table_mutex);
 	return NOTIFY_DONE;
 }
""",
        """
>>> tree mm/example.c
static void port_set(struct gpio_chip *chip, unsigned int offset, int value)
{
	struct port *port = gpiochip_get_data(chip);
	write_value(port, offset, value);
}

static int port_probe(struct port *port)
{
	port->chip.set = port_set;
	return devm_gpiochip_add_data(port->dev, &port->chip, port);
}
>>> patch mm: wait for the mutex
>>> file mm/example.c
@@
 static void port_set(struct gpio_chip *chip, unsigned int offset, int value)
 {
 	struct port *port = gpiochip_get_data(chip);
+	mutex_lock(&port->mutex); // want "port_set.. must not .operation of a GPIO chip without can_sleep"
 	write_value(port, offset, value);
+	mutex_unlock(&port->mutex);
 }
 
 static int port_probe(struct port *port)
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
    ),
    good=(
        """
>>> tree mm/example.c
static void port_set(struct gpio_chip *chip, unsigned int offset, int value)
{
	struct port *port = gpiochip_get_data(chip);
	write_value(port, offset, value);
}

static int port_probe(struct port *port)
{
	port->chip.set = port_set;
	port->chip.can_sleep = true;
	return devm_gpiochip_add_data(port->dev, &port->chip, port);
}
>>> patch mm: wait for the mutex
>>> file mm/example.c
@@
 static void port_set(struct gpio_chip *chip, unsigned int offset, int value)
 {
 	struct port *port = gpiochip_get_data(chip);
+	mutex_lock(&port->mutex);
 	write_value(port, offset, value);
+	mutex_unlock(&port->mutex);
 }
 
 static int port_probe(struct port *port)
""",
        """
>>> tree mm/example.c
static int table_changed(struct notifier_block *block, unsigned long action, void *data)
{
	return NOTIFY_DONE;
}

static struct notifier_block table_block = {
	.notifier_call = table_changed,
};

static int start(void)
{
	return register_netdevice_notifier(&table_block);
}
>>> patch mm: wait for the mutex
>>> file mm/example.c
@@
 static int table_changed(struct notifier_block *block, unsigned long action, void *data)
 {
+	mutex_lock(&table_mutex);
+	mutex_unlock(&table_mutex);
 	return NOTIFY_DONE;
 }
""",
        """
 static void settle(struct buffer *buffer)
 {
 	guard(mutex)(&buffer->mutex);
+	scoped_guard(spinlock, &buffer->lock)
+		buffer->settled = true;
+	msleep(1);
 }
""",
        """
 static void settle(spinlock_t *lock)
 {
+	spin_unlock(lock);
+	msleep(1);
+	spin_lock(lock);
 }
""",
        """
 static int settle(struct buffer *buffer)
 {
 	spin_lock(&buffer->lock);
 	buffer->settled = true;
 	BUFFER_EXIT(buffer);
+	msleep(1);
 	return 0;
 }
""",
        """
+#define buffer_close(buffer) spin_unlock(&(buffer)->lock)
+
+static void settle(struct buffer *buffer)
+{
+	spin_lock(&buffer->lock);
+	buffer->settled = true;
+	buffer_close(buffer);
+	msleep(1);
+}
""",
    ),
)
