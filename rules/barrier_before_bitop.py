"""clear_bit() hands something over, which orders nothing by itself."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from patchscan.rule import Call, ChangedFile, Context, Finding, Function, Rule, Silence, pattern

if TYPE_CHECKING:
    from tree_sitter import Node

WAKES = frozenset(("wake_up_bit", "wake_up_var"))
# What may stand before the bit is cleared, and does order: Documentation/atomic_bitops.txt, memory-barriers.txt.
ORDERS = pattern(
    r"(?:smp_)?[rw]?mb(?:__\w+)?|\w*(?:barrier|BARRIER)\w*|smp_store_\w+|(?:cmp)?xchg\w*|atomic\w*_(?:return|release)|synchronize_\w+"
)
OWNER = pattern(r"^\w+(?=->|\.)")
SPACE = pattern(r"\s")
FAILURE_LABEL = pattern(r"\w*(?:err|fail|undo|abort)")
REACH = 3


def check(context: Context) -> Iterator[Finding | Silence]:
    """Every added clear_bit() that wakes waiters, or opens what test_and_set_bit() closes."""
    for file in context.c_files:
        if file.adds("clear_bit("):
            for function, call in file.added_calls({"clear_bit"}):
                if len(call.arguments) == 2:
                    yield judge(file, function, call)


def judge(file: ChangedFile, function: Function, call: Call) -> Finding | Silence:
    """A finding where nothing orders the bit and what it stands for."""
    bit, word = (plain(function, node) for node in call.arguments)
    if file.was_there(call.line):
        return file.fine(call.line, "the call only moves")
    wake = wake_behind(function, call, word)
    if wake is not None:
        return file.finding(
            call.line,
            f"{wake.name}() looks for waiters without a lock, and clear_bit() is no barrier: a waiter can be missed. "
            f"clear_and_wake_up_bit(), or clear_bit_unlock() with smp_mb__after_atomic() behind it",
            (file.evidence(wake.line),),
        )
    taken = taken_at(file, function, bit, word)
    if taken is None:
        return file.fine(call.line, f"nothing takes {bit} of {word} as a lock in sight")
    if undoes(function, call):
        return file.fine(call.line, "it takes back what was not done")
    if any(ORDERS.fullmatch(each.name) for each in calls_before(function, call)):
        return file.fine(call.line, "a barrier stands before it")
    if under_a_lock(function, taken, call):
        return file.fine(call.line, "the lock held around both orders them")
    return file.finding(
        call.line,
        f"test_and_set_bit() takes {bit} like a lock, but clear_bit() orders nothing: what was done before it may be "
        f"seen after the next one has taken it. clear_bit_unlock() releases, with test_and_set_bit_lock() to match",
        (file.evidence(taken.line),),
        severity="info",
    )


def plain(function: Function, node: "Node") -> str:
    """An argument without white space, "&" and the name of the variable that its field is taken from."""
    text = SPACE.sub("", function.source.text_of(node)).lstrip("&")
    return OWNER.sub("", text)


def wake_behind(function: Function, call: Call, word: str) -> Call | None:
    """The wake-up of the bit's waiters, where no barrier stands between it and the call."""
    for each in calls_after(function, call):
        if each.name in WAKES and each.arguments and plain(function, each.arguments[0]) == word:
            return each
        if ORDERS.fullmatch(each.name) or "_unlock" in each.name:
            return None
    return None


def under_a_lock(function: Function, taken: Call, call: Call) -> bool:
    """Whether a lock that was taken before the bit is dropped right after it, by the names of the calls."""
    dropped = {
        function.source.text_of(each.arguments[0])
        for each in calls_after(function, call)
        if "unlock" in each.name and each.arguments
    }
    return any(
        "lock" in each.name
        and "unlock" not in each.name
        and each.arguments
        and function.source.text_of(each.arguments[0]) in dropped
        for each in function.calls()
        if each.line < taken.line
    )


def undoes(function: Function, call: Call) -> bool:
    """Whether the call stands in a branch, or behind a label for errors: the way out when something failed."""
    if any(each.kind in ("if", "else", "case") for each in function.enclosing(call.node)):
        return True
    labels = [node for node in function.nodes("labeled_statement") if node.start_byte < call.node.start_byte]
    return bool(labels) and FAILURE_LABEL.match(function.source.text_of(labels[-1])) is not None


def calls_after(function: Function, call: Call) -> Iterator[Call]:
    """The calls in the next statements of the same block."""
    yield from calls_near(function, call, "next_named_sibling")


def calls_before(function: Function, call: Call) -> Iterator[Call]:
    """The calls in the statements before, nearest first."""
    yield from calls_near(function, call, "prev_named_sibling")


def calls_near(function: Function, call: Call, side: str) -> Iterator[Call]:
    statement = function.statement_of(call.node)
    for _ in range(REACH):
        statement = getattr(statement, side) if statement is not None else None
        while statement is not None and statement.type == "comment":
            statement = getattr(statement, side)
        if statement is not None:
            yield from function.calls_in(statement)


def taken_at(file: ChangedFile, owner: Function, bit: str, word: str) -> Call | None:
    """An added test_and_set_bit() in the same function that gives up, or tries again, when the bit is set already."""
    for function, call in file.added_calls({"test_and_set_bit"}):
        # Two hunks of one function are two fragments: they have the name in common.
        if function.name != owner.name or len(call.arguments) != 2:
            continue
        if [plain(function, node) for node in call.arguments] != [bit, word]:
            continue
        statement = function.statement_of(call.node)
        if statement is None or not bit.isupper() or not any(mark in word for mark in (".", ">")):
            continue
        body = statement.child_by_field_name("consequence")
        gives_up = body is not None and any(
            function.nodes_in(body, "return_statement", "goto_statement", "continue_statement")
        )
        negated = function.source.text_of(call.node.parent).startswith("!") if call.node.parent else False
        if statement.type == "while_statement" or (
            statement.type == "if_statement" and gives_up and not negated
        ):
            return call
    return None


RULE = Rule(
    name="barrier-before-bitop",
    summary="clear_bit() hands something over without ordering",
    why=(
        "set_bit() and clear_bit() are atomic but order nothing: on weakly ordered machines accesses before "
        "clear_bit() can take effect after it, in the middle of what the next owner does. As a release it wants "
        "clear_bit_unlock(), or smp_mb__before_atomic() before it; before a wake-up of bit waiters, a full barrier. A "
        "bit that only keeps others out is a hint: drivers have many, and device accesses around them order, too."
    ),
    source=(
        "Documentation/atomic_bitops.txt; Documentation/memory-barriers.txt (smp_mb__before_atomic()); kernel-doc of "
        "wake_up_bit(); review of a change of block/mq-deadline.c, January 2024"
    ),
    severity="warning",
    confidence="medium",
    check=check,
    wakes=("clear_bit(",),
    bad=(
        """
 static void done(struct buffer *buffer, int result)
 {
 	buffer->result = result;
+	clear_bit(BUSY, &buffer->state); // want "wake_up_bit.. looks for waiters"
+	wake_up_bit(&buffer->state, BUSY);
 }
""",
        """
 static struct request *dispatch(struct queue *queue)
 {
 	struct request *request;
 
+	if (test_bit(DISPATCHING, &queue->state) ||
+	    test_and_set_bit(DISPATCHING, &queue->state))
+		return NULL;
+
 	spin_lock(&queue->lock);
 	request = take(queue);
+	clear_bit(DISPATCHING, &queue->state); // want "clear_bit_unlock"
 	spin_unlock(&queue->lock);
 	return request;
 }
""",
    ),
    good=(
        """
 static void done(struct buffer *buffer)
 {
+	clear_bit(BUSY, &buffer->state);
+	buffer_barrier(buffer);
+	wake_up_bit(&buffer->state, BUSY);
 }
""",
        """
 static void done(struct buffer *buffer, int result)
 {
 	buffer->result = result;
+	clear_bit_unlock(BUSY, &buffer->state);
+	smp_mb__after_atomic();
+	wake_up_bit(&buffer->state, BUSY);
+	clear_bit(DIRTY, &buffer->state);
+	smp_mb__after_atomic();
+	wake_up_bit(&buffer->state, DIRTY);
 }
""",
        """
 static bool once(struct buffer *buffer)
 {
+	if (!test_and_set_bit(STARTED, &buffer->flags))
+		start(buffer);
+	clear_bit(STALE, &buffer->flags);
 	return true;
 }
 
 static void stop(struct buffer *buffer)
 {
+	clear_bit(STARTED, &buffer->flags);
 }
 
 static void begin(struct buffer *buffer)
 {
+	if (test_and_set_bit(STARTED, &buffer->flags))
+		return;
+	start(buffer);
 }
""",
        """
 static void work(struct buffer *buffer)
 {
+	if (test_and_set_bit(RUNNING, &buffer->flags))
+		return;
 	run(buffer);
+	/* Pairs with test_and_set_bit(). */
+	smp_mb__before_atomic();
+	clear_bit(RUNNING, &buffer->flags);
 }
""",
        """
 static void work(struct buffer *buffer)
 {
+	buffer_lock(buffer);
+	if (test_and_set_bit(RUNNING, &buffer->flags)) {
+		buffer_unlock(buffer);
+		return;
+	}
+	run(buffer);
+	clear_bit(RUNNING, &buffer->flags);
+	buffer_unlock(buffer);
 }
""",
        """
 static int offload(struct flow *flow)
 {
 	int error;
 
+	if (test_and_set_bit(PENDING, &flow->flags))
+		return 0;
 	error = queue(flow);
 	if (error)
+		clear_bit(PENDING, &flow->flags);
 	return error;
 }
""",
        """
 static void done(struct buffer *buffer)
 {
+	clear_bit(BUSY, &buffer->state);
 	wake_up(&buffer->waiters);
 }
""",
    ),
)
