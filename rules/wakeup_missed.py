"""The full barrier between a store and waitqueue_active() is gone."""

from collections.abc import Iterator

from patchscan.rule import ChangedFile, Context, Finding, Function, Rule, Silence, pattern

FULL = pattern(
    r"\bsmp_mb(?:__\w+)?\s*\(|\bmb\s*\(|\bwq_has_sleeper\s*\(|\bxchg\s*\(|\bset_current_state\s*\(|\bset_mb\s*\("
)
# How far above the question the barrier stands.
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
        if was and not ordered(function, call.line):
            yield file.finding(
                call.line,
                "waitqueue_active() reads the queue without a lock, and the full barrier above it is gone: the store "
                "before it may be seen late by who queues itself and then looks, so that nobody wakes it; smp_mb(), "
                "or wq_has_sleeper()",
            )


def ordered(function: Function, line: int) -> bool:
    """Whether a full barrier stands in the few lines above."""
    lines = range(max(function.first_line, line - ABOVE), line)
    return any(FULL.search(function.source.line_text(each).partition("/*")[0]) for each in lines)


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
    ),
)
