"""The full barrier between a store and waitqueue_active() is gone."""

from collections.abc import Iterator
from itertools import islice

from patchscan.rule import ChangedFile, Context, Finding, Function, Rule, Silence, pattern

FULL = pattern(
    r"\b(?:smp_mb(?:__\w+)?|mb|wq_has_sleeper|(?:try_)?(?:cmp)?xchg(?:64)?|set_current_state|set_mb|smp_store_mb|"
    r"test_and_(?:set|clear|change)_bit|"
    r"(?:atomic|atomic64|atomic_long)_(?:(?:add|sub|inc|dec|fetch)_\w+?|(?:try_)?(?:cmp)?xchg)(?<!_(?:acquire|release|relaxed)))"
    r"\s*\("
)
# How many lines of code above the question the barrier stands.
ABOVE = 4


def check(context: Context) -> Iterator[Finding | Silence]:
    """The functions from which a patch takes a full barrier, or puts another in its place."""
    for file in context.c_files:
        if any("mb" in line.text and FULL.search(line.text) for line in file.removed):
            for function in file.functions:
                yield from judge(file, function)


def judge(file: ChangedFile, function: Function) -> Iterator[Finding | Silence]:
    """The questions whether somebody waits that had a barrier above and have none now."""
    before = file.before_of(function.name)
    if before is None:
        return
    had = [ordered(before, call.line) for call in before.calls() if call.name == "waitqueue_active"]
    asked = [call for call in function.calls() if call.name == "waitqueue_active"]
    if len(had) != len(asked):
        return
    for was, call in zip(had, asked, strict=True):
        if was and not ordered(function, call.line) and not is_brought(file, function, call.line):
            yield file.finding(
                call.line,
                "waitqueue_active() reads the queue without a lock, and the full barrier above it is gone: the store "
                "before it may be seen late by who queues itself and then looks, so that nobody wakes it; smp_mb(), "
                "or wq_has_sleeper()",
            )


def ordered(function: Function, line: int) -> bool:
    """Whether a full barrier stands in the few lines of code above."""
    above = (function.source.code_text(each) for each in range(line - 1, function.first_line - 1, -1))
    return any(FULL.search(code) for code in islice((code for code in above if code.strip()), ABOVE))


def is_brought(file: ChangedFile, function: Function, line: int) -> bool:
    """Whether the patch writes a full barrier anywhere above in the function."""
    lines = range(function.first_line, line)
    return any(each in file.added_numbers and FULL.search(function.source.code_text(each)) for each in lines)


RULE = Rule(
    name="wakeup-missed",
    summary="The full barrier between a store and waitqueue_active() is gone",
    why=(
        "The waiter queues itself, then reads the condition; the waker writes the condition, then reads the queue. "
        "Without a full barrier on both sides each may read before its store is seen, and the waiter sleeps on."
    ),
    source="include/linux/wait.h: waitqueue_active(), wq_has_sleeper(); Documentation/memory-barriers.txt",
    severity="warning",
    confidence="high",
    check=check,
    in_code=("waitqueue_active",),
    bad=(
        """
 static void walk_done(struct walk *walk)
 {
 	walk->done = 1;
-	smp_mb();
+	smp_wmb();
 	if (waitqueue_active(&walk->wait)) // want "the full barrier above it is gone"
 		wake_up(&walk->wait);
 }
""",
        """
 static void walk_done(struct walk *walk)
 {
-	walk->done = 1;
-	smp_mb();
+	atomic_fetch_or_relaxed(1, &walk->done);
+	/* smp_mb() is not needed */
 	if (waitqueue_active(&walk->wait)) // want "the full barrier above it is gone"
 		wake_up(&walk->wait);
 }
""",
    ),
    good=(
        """
 static void walk_done(struct walk *walk)
 {
 	walk->done = 1;
-	smp_mb();
-	if (waitqueue_active(&walk->wait))
+	if (wq_has_sleeper(&walk->wait))
 		wake_up(&walk->wait);
 }
""",
        """
 static void walk_done(struct walk *walk)
 {
-	smp_mb();
+	set_bit(0, &walk->done);
+	smp_mb__after_atomic();
 	if (waitqueue_active(&walk->wait))
 		wake_up(&walk->wait);
 }
""",
        """
 static void walk_done(struct walk *walk)
 {
-	smp_mb();
 	walk->done = 1;
 	walk->last = 2;
 	walk->more = 3;
 	walk->next = 4;
 	if (waitqueue_active(&walk->wait))
 		wake_up(&walk->wait);
 }
""",
        """
 static void walk_done(struct walk *walk)
 {
-	walk->done = 1;
-	smp_mb();
+	/*
+	 * What was written before is seen by who queues itself:
+	 * the operation gives back what was there, and is
+	 * ordered against everything around it.
+	 */
+	if (atomic_fetch_or(1, &walk->done))
+		return;
+	/*
+	 * Nobody else comes here.
+	 */
 	if (waitqueue_active(&walk->wait))
 		wake_up(&walk->wait);
 }
""",
        """
 static void walk_done(struct walk *walk)
 {
-	walk->done = 1;
-	smp_mb();
+	smp_store_mb(walk->done, 1);
+	if (walk->debug)
+		walk_show(walk);
+	walk->last = 2;
+	walk->more = 3;
+	walk->next = 4;
 	if (waitqueue_active(&walk->wait))
 		wake_up(&walk->wait);
 }
""",
        """
 static void walk_done(struct walk *walk)
 {
 	walk->done = 1;
-	smp_mb();
+	if (!test_and_set_bit(WALK_DONE, &walk->flags))
+		atomic_inc_return_release(&walk->seen);
 	if (waitqueue_active(&walk->wait))
 		wake_up(&walk->wait);
 }
""",
    ),
)
