"""A memory barrier without a word on what it orders and which barrier it pairs with."""

import re
from collections.abc import Iterator, Mapping

from patchscan.basics.keep import kept
from patchscan.rule import (
    Call,
    ChangedFile,
    Context,
    Finding,
    Function,
    Rule,
    Silence,
    Source,
    pattern,
    source_of,
)

# rmb() and the like without a prefix order accesses to devices too, and are left to checkpatch.
FENCES = frozenset(
    f"{prefix}_{name}"
    for prefix in ("smp", "virt")
    for name in ("mb", "rmb", "wmb", "mb__before_atomic", "mb__after_atomic", "mb__after_spinlock")
)
# An access with its own ordering says what it orders: the access. A remark on it is a matter of taste.
ACCESSES = frozenset(("smp_store_mb", "smp_store_release", "smp_load_acquire"))
BARRIER_CALL = pattern(r"\b(?:smp_|virt_)?(?:[rw]?mb(?:__\w+)?|store_mb|store_release|load_acquire)\(")
ORDERING = pattern(
    r"barrier|fence|\bpair|\bmatch(?:es|ing)?\b|re-?order|\border(?:s|ed|ing|)\b(?! to\b)|smp_|\b[rw]?mb\b"
    r"|acquire|release|visib|observ|publish|propagat|before|after|until|\bsees?\b|\brac(?:e|y|es|ing)\b|synchroni[sz]",
    re.IGNORECASE,
)
BARRIER_NAME = pattern(r"barrier|fence|mb(?:__|$)")
WORD = pattern(r"\w+")
SPEAKS_OF_PAIR = pattern(r"\bpair|\bmatch|barrier|smp_")
REACH_ABOVE, REACH_BELOW = 15, 4


def check(context: Context) -> Iterator[Finding | Silence]:
    """Every added barrier that stands in a function."""
    for file in context.c_files:
        if file.adds("mb(", "mb__", "smp_store_", "smp_load_"):
            for function, call in file.added_calls(FENCES | ACCESSES):
                yield judge(context, file, function, call)


def judge(context: Context, file: ChangedFile, function: Function, call: Call) -> Finding | Silence:
    """A finding where nothing near the barrier, nor at its partner, speaks of it."""
    if file.was_there(call.line) or takes_place_of_another(file, call):
        return file.fine(call.line, "it only moves, or takes the place of another barrier")
    line = comment_on(function, call)
    if line is not None:
        return file.fine(call.line, f"the comment on line {file.patch_line(line)} speaks of it")
    if BARRIER_NAME.search(function.name):
        return file.fine(
            call.line, f"{function.name}() is itself a barrier: its callers have to say what for"
        )
    if before_wake_up(function, call):
        return file.fine(call.line, "it is the barrier that the wake-up behind it asks for in its kernel-doc")
    if function.name in spoken_of(context):
        return file.fine(call.line, f"a comment at its partner names {function.name}()")
    line = explained_for_all(function, call)
    if line is not None:
        return file.fine(
            call.line, f"the comment on line {file.patch_line(line)} speaks of {call.name}() there"
        )
    return file.finding(
        call.line,
        f"{call.name}() has no comment: say which accesses it orders and which barrier, in which function, "
        f"it pairs with",
        severity="info" if call.name in ACCESSES else "",
    )


def takes_place_of_another(file: ChangedFile, call: Call) -> bool:
    """Whether the hunk takes away as many barriers as it adds."""
    return file.patch_line(call.line) in in_place_of_others(file)


@kept
def in_place_of_others(file: ChangedFile) -> frozenset[int]:
    """The added lines, by the patch's numbers, of the hunks that take away as many barriers as they add."""
    found: set[int] = set()
    for hunk in file.change.hunks:
        counts = {
            kind: sum(len(BARRIER_CALL.findall(line.text)) for line in hunk.lines if line.kind == kind)
            for kind in "+-"
        }
        if counts["-"] >= counts["+"]:
            found.update(line.new for line in hunk.lines if line.kind == "+" and line.new is not None)
    return frozenset(found)


def comment_on(function: Function, call: Call) -> int | None:
    """The line of a comment that is about the barrier, None where there is none.

    A comment beside or directly above it always is. One further away has to speak of ordering.
    """
    source = source_of(function)
    last = source.last_line_of(call.node)
    for line in range(call.line, last + 1):
        if source.comment_text(line):
            return line
    above = call.line - 1
    if source.comment_text(above):
        return above
    highest = max(function.first_line, call.line - REACH_ABOVE)
    while highest > function.first_line and source.comment_text(highest) and source.comment_text(highest - 1):
        highest -= 1
    places = [
        *range(above, highest - 1, -1),
        *range(last + 1, last + REACH_BELOW + 1),
        *header_comment(source, function),
    ]
    return next((line for line in places if ORDERING.search(source.comment_text(line))), None)


def before_wake_up(function: Function, call: Call) -> bool:
    """Whether the next statement looks for waiters without a lock, as wake_up_bit() does."""
    statement = function.statement_of(call.node)
    following = statement.next_named_sibling if statement is not None else None
    wakes = ("wake_up_bit", "wake_up_var", "waitqueue_active")
    return following is not None and any(each.name in wakes for each in function.calls_in(following))


def header_comment(source: Source, function: Function) -> Iterator[int]:
    """The lines of the comment directly above a function."""
    line = function.first_line - 1
    while source.comment_text(line):
        yield line
        line -= 1


@kept
def spoken_of(context: Context) -> frozenset[str]:
    """The words of the comments in the changed files that speak of a pair of barriers."""
    found: set[str] = set()
    for file in context.c_files:
        for source in file.after:
            for line, text, code in source.numbered():
                comment = source.comment_text(line) if text != code else ""
                around = range(line - 2, line + 3) if comment else ()
                if SPEAKS_OF_PAIR.search(" ".join(map(source.comment_text, around))):
                    found.update(WORD.findall(comment))
    return frozenset(found)


def explained_for_all(function: Function, call: Call) -> int | None:
    """The line of a comment that names this barrier, in the same function or in one that uses the same field.

    One comment may stand for all readers: at the head of the writer, saying what smp_wmb() and smp_rmb() are for.
    """
    source = source_of(function)
    statement = function.statement_of(call.node)
    beside = (statement.prev_named_sibling, statement.next_named_sibling) if statement is not None else ()
    fields = {
        source.text_of(node)
        for each in beside
        if each is not None
        for node in function.nodes_in(each, "field_identifier")
    }
    explained = explanations(source, call.name)
    found = [explained[each] for each in (f"{function.name}()", *fields) if each in explained]
    return min(found)[1] if found else None


@kept
def explanations(source: Source, name: str) -> Mapping[str, tuple[int, int]]:
    """ "f()" for a function, and each word -> the first function so named, or with it, whose comment names a barrier.

    A function is told by its number in the text and the line of its comment.
    """
    found: dict[str, tuple[int, int]] = {}
    for number, function in enumerate(source.functions()):
        lines = range(function.first_line, function.last_line + 1)
        line = next((line for line in lines if f"{name}()" in source.comment_text(line)), None)
        if line is not None:
            for word in (f"{function.name}()", *function.identifiers):
                found.setdefault(word, (number, line))
    return found


RULE = Rule(
    name="barrier-comment",
    summary="A memory barrier without a comment on what it orders and pairs with",
    why=(
        "A barrier on one CPU does nothing by itself: it orders two accesses for somebody who has the matching "
        "barrier between theirs. Without a comment that names both, nobody can check it, and nobody dares to "
        "remove it. The comment may stand at the barrier, above the store before it, or at its partner."
    ),
    source=(
        "Documentation/process/submit-checklist.rst (all memory barriers need a comment that explains the "
        "logic); Documentation/memory-barriers.txt (SMP barrier pairing); review of the task isolation series, "
        "2020 (smp_rmb() in tick_nohz_full_kick_cpu())"
    ),
    severity="warning",
    confidence="high",
    check=check,
    wakes=("mb(", "mb__", "smp_store_", "smp_load_"),
    bad=(
        """
 void kick_cpu(int cpu)
 {
-	if (!is_full(cpu))
+	smp_rmb(); // want "no comment.*pairs with"
+	if (!is_full(cpu) || isolated(cpu))
 		return;
 	raise(cpu);
 }
""",
        """
 /* Hand the buffer over in order to reuse it. */
 void hand_over(struct buffer *buffer)
 {
 	buffer->length = 0;
+	smp_wmb(); // want "smp_wmb"
 	buffer->ready = true;
 }
""",
        """
+/* What smp_wmb() does is told elsewhere. */
+static void install(struct map *map, int count)
+{
+	copy(map);
+	/* So that smp_rmb() in find() sees them first. */
+	smp_wmb();
+	map->count = count;
+}
+
+static int use(struct buffer *buffer)
+{
+	int length = buffer->length;
+	smp_rmb(); // want "smp_rmb"
+	return length;
+}
""",
        """
 void hand_over(struct buffer *buffer)
 {
+	smp_store_release(&buffer->ready, true); // want "smp_store_release"
 }
""",
    ),
    good=(
        """
 static inline void walk_begin(struct mm_struct *mm)
 {
 	/*
 	 * Say so before the first entry is read.
 	 *
 	 * Pairs with smp_mb() in wait_for_walks().
 	 */
+	this_cpu_write(walking, mm);
+	smp_mb();
 }
""",
        """
 void hand_over(struct buffer *buffer)
 {
 	buffer->length = 0;
+	smp_wmb(); /* see take() */
 	buffer->ready = true;
 }
 
 bool take(struct buffer *buffer)
 {
 	if (!buffer->ready)
 		return false;
+	/* Pairs with the barrier in
+	 * hand_over().
+	 */
+	smp_rmb();
 	return !buffer->length;
 }
""",
        """
 bool take(struct buffer *buffer)
 {
 	if (!buffer->ready)
 		return false;
 
 	/* Pairs with smp_wmb() in hand_over(). */
 	smp_rmb();
 	return !buffer->length;
 }
 
 void hand_over(struct buffer *buffer)
 {
 	buffer->length = 0;
+	smp_wmb();
 	buffer->ready = true;
 }
""",
        """
+static void install(struct map *map, int count)
+{
+	/*
+	 * Readers do not lock: smp_wmb() here and smp_rmb() there see to it that
+	 * who sees the count sees the entries, too.
+	 */
+	mutex_lock(&map->lock);
+	if (map->count)
+		count = 0;
+	if (!count)
+		goto out;
+	copy_first(map);
+	copy_second(map);
+	copy_third(map);
+	copy_fourth(map);
+	copy_fifth(map);
+	smp_wmb();
+	map->count = count;
+out:
+	mutex_unlock(&map->lock);
+}
+
+static int find(struct map *map, int wanted)
+{
+	int count = map->count;
+	smp_rmb();
+	return search(map, wanted, count);
+}
""",
        """
 void done(struct buffer *buffer)
 {
+	clear_bit_unlock(BUSY, &buffer->state);
+	smp_mb__after_atomic();
+	wake_up_bit(&buffer->state, BUSY);
 }
""",
        """
 void hand_over(struct buffer *buffer)
 {
 	buffer->length = 0;
-	wmb();
+	smp_wmb();
 	buffer->ready = true;
 }
""",
        """
 void hand_over(struct buffer *buffer)
 {
-	smp_wmb();
-	buffer->ready = true;
+	if (buffer) {
+		smp_wmb();
+		buffer->ready = true;
+	}
 }
""",
    ),
)
