"""An interrupt to every CPU in each round of a loop."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from patchscan.basics.keep import kept
from patchscan.rule import (
    Call,
    ChangedFile,
    Context,
    Control,
    Evidence,
    Finding,
    Function,
    Rule,
    Silence,
    pattern,
)

if TYPE_CHECKING:
    from tree_sitter import Node

# kernel/smp.c, mm/mmu_gather.c, arch/*/mm/tlb.c, arch/x86/kernel/alternative.c: each interrupts many CPUs and waits.
BROADCASTS = frozenset(
    {
        "smp_call_function",
        "smp_call_function_many",
        "on_each_cpu",
        "on_each_cpu_mask",
        "on_each_cpu_cond",
        "on_each_cpu_cond_mask",
        "kick_all_cpus_sync",
        "wake_up_all_idle_cpus",
        "tlb_remove_table_sync_one",
        "flush_tlb_all",
        "flush_tlb_kernel_range",
        "text_poke_sync",
        "smp_text_poke_sync_each_cpu",
    }
)
RARE = pattern(r"\bunlikely\(|==\s*-E[A-Z0-9]+\b")
RELATION = pattern(r"[<>]=?|!=")
NO_WORD = pattern(r"\W")


def check(context: Context) -> Iterator[Finding | Silence]:
    """Every added broadcast, and every added call in a loop of a function that broadcasts."""
    for file in context.c_files:
        if not file.added:
            continue
        for function in file.functions:
            for call in function.calls():
                if call.line not in file.added_numbers or file.was_there(call.line):
                    continue
                if call.name in BROADCASTS:
                    yield judge_broadcast(context, file, function, call)
                else:
                    yield from judge_helper(context, file, function, call)


def judge_broadcast(context: Context, file: ChangedFile, function: Function, call: Call) -> Finding | Silence:
    """A finding where the broadcast runs once a round: of a loop around it, or of one in a caller."""
    loop = repeated(function, call)
    if loop is not None:
        return file.finding(
            call.line,
            f"{call.name}() interrupts all CPUs in every round of this loop: collect, and do it once behind the loop",
            (file.evidence(loop.line),),
        )
    if exceptional(function, call):
        return file.fine(call.line, "only a branch that is seldom taken sends it")
    if function.name in BROADCASTS or depends(function, call):
        return file.fine(call.line, "what it does depends on the caller")
    for path, caller, inner in loops_of_callers(context, file, function):
        line = caller.source.line_of(inner)
        return file.finding(
            call.line,
            f"{caller.name}() calls {function.name}() in a loop, so {call.name}() interrupts all CPUs in every "
            f"round of it: do it once behind that loop",
            (Evidence(path, line, caller.source.line_text(line)),),
        )
    return file.fine(call.line, "no loop around it is visible")


def judge_helper(
    context: Context, file: ChangedFile, function: Function, call: Call
) -> Iterator[Finding | Silence]:
    """A finding where a call that the patch puts in a loop leads to a broadcast."""
    if not call.name or not in_loop(function, call) or exceptional(function, call):
        return
    for other in sorted(senders(context.whole), key=lambda each: each is not file):
        for source in other.after:
            helper = source.function_named(call.name)
            inner = sends(helper) if helper is not None else None
            # A broadcast that the series itself adds has its remark where it stands.
            if inner is not None and not brought_by_series(context, other, inner):
                yield file.finding(
                    call.line,
                    f"{call.name}() interrupts all CPUs with {inner.name}(), here in every round of a loop: collect, "
                    f"and do it once behind the loop",
                    (other.evidence(inner.line),),
                )
                return


@kept
def senders(context: Context) -> tuple[ChangedFile, ...]:
    """The files of a patch that name a broadcast: a call that leads to one leads there."""
    return tuple(file for file in context.c_files if file.shows(*BROADCASTS))


def brought_by_series(context: Context, file: ChangedFile, call: Call) -> bool:
    """Whether this patch or an earlier one of the series adds the line of a call."""
    text = file.text_at(call.line).split()
    return any(
        line.text.split() == text
        for each in (context.whole, *context.earlier)
        for other in each.files
        if other.path == file.path
        for line in other.added
    )


def sends(helper: Function) -> Call | None:
    """The broadcast that a function makes whenever it is called."""
    for call in helper.calls():
        if call.name in BROADCASTS and not helper.enclosing(call.node) and not depends(helper, call):
            return call
    return None


def depends(function: Function, call: Call) -> bool:
    """Whether an argument of the call is a parameter or local variable, so that calls may differ."""
    own = {variable.name for variable in (*function.parameters, *function.locals)}
    names = {function.source.text_of(node) for node in function.nodes_in(call.node, "identifier")}
    return bool(own & names)


def exceptional(function: Function, call: Call) -> bool:
    """Whether the call stands in a branch marked unlikely(), or taken after a certain error only."""
    return any(
        each.kind == "if"
        and each.condition is not None
        and RARE.search(function.source.text_of(each.condition)) is not None
        for each in function.enclosing(call.node)
    )


def repeated(function: Function, call: Call) -> Control | None:
    """The loop that repeats the call with the same arguments, None where there is none."""
    around = function.enclosing(call.node)
    loop = next((each for each in around if each.kind in ("for", "while", "do")), None)
    if loop is None or not advances(function, loop) or leaves(function, call) or exceptional(function, call):
        return None
    used = {function.source.text_of(node) for node in function.nodes_in(call.node, "identifier")}
    return None if used & changed(function, loop) else loop


def advances(function: Function, loop: Control) -> bool:
    """Whether a loop goes over something, and does not only try again."""
    if loop.macro:
        return True
    if loop.condition is None:
        return False
    condition = function.source.text_of(loop.condition)
    if loop.kind == "for":
        return loop.node.child_by_field_name("update") is not None
    return RELATION.search(condition.replace("->", "")) is not None


def leaves(function: Function, call: Call) -> bool:
    """Whether the loop is left behind the call."""
    statement = function.statement_of(call.node)
    while statement is not None:
        statement = statement.next_named_sibling
        if statement is not None and statement.type in (
            "break_statement",
            "return_statement",
            "goto_statement",
        ):
            return True
    return False


def changed(function: Function, loop: Control) -> set[str]:
    """The variables that a loop changes or runs over."""
    names = set()
    for node in function.nodes_in(loop.node, "assignment_expression", "update_expression", "init_declarator"):
        for part in ("left", "argument", "declarator"):
            target = node.child_by_field_name(part)
            if target is not None:
                names.add(NO_WORD.split(function.source.text_of(target).lstrip("*&( "))[0])
    if loop.macro and loop.condition is not None:
        names.update(
            function.source.text_of(node) for node in function.nodes_in(loop.condition, "identifier")
        )
    return names


def loops_of_callers(
    context: Context, file: ChangedFile, function: Function
) -> "Iterator[tuple[str, Function, Node]]":
    """(path, caller, call) where a function is called in a loop, in its own file or, with a tree, anywhere."""
    if not function.name:
        return
    series = [
        other
        for each in (context.whole, *context.later)
        for other in each.c_files
        if other.path == file.path or not function.is_static
    ]
    for other in series:
        for source in other.after if other.shows(function.name) else ():
            yield from ((other.path, *found) for found in loops_in(source.functions(), function.name))
    if not function.is_static and context.has_tree:
        for path, caller in context.callers_elsewhere(function.name, {other.path for other in series}):
            yield from ((path, *found) for found in loops_in((caller,), function.name))


def loops_in(
    functions: "Iterator[Function] | tuple[Function, ...]", name: str
) -> "Iterator[tuple[Function, Node]]":
    """The calls of a function of that name that are repeated in a loop."""
    for caller in functions:
        if caller.name != name and name in caller.text:
            for call in caller.calls():
                if call.name == name and in_loop(caller, call):
                    yield caller, call.node


def in_loop(function: Function, call: Call) -> bool:
    """Whether a call is repeated, with whatever arguments."""
    if not function.nodes("for_statement", "while_statement", "do_statement"):
        return False
    loop = next((each for each in function.enclosing(call.node) if each.kind in ("for", "while", "do")), None)
    return loop is not None and advances(function, loop) and not leaves(function, call)


RULE = Rule(
    name="ipi-in-loop",
    summary="All CPUs are interrupted in every round of a loop",
    why=(
        "An interrupt to all CPUs that is waited for takes microseconds and grows with their number; per element it "
        "turns an operation on many elements into a storm that stalls the machine. One behind the loop waits for "
        "the same readers."
    ),
    source=(
        'commit 8ce720d5bd91 ("mm/hugetlb: fix excessive IPI broadcasts when unsharing PMD tables using '
        'mmu_gather"); kernel/smp.c'
    ),
    severity="warning",
    confidence="medium",
    check=check,
    by_file=True,
    by_effect=True,
    bad=(
        """
 void unshare_range(struct vm_area_struct *vma, unsigned long start, unsigned long end)
 {
 	for (; start < end; start += PMD_SIZE) {
 		if (unshare(vma, start))
+			tlb_remove_table_sync_one(); // want "every round of this loop"
 	}
 }
""",
        """
 static bool unshare(struct vm_area_struct *vma, unsigned long start)
 {
 	if (!shared(vma, start))
 		return false;
 	clear(vma, start);
+	on_each_cpu(nothing, NULL, 1); // want "unshare_all.. calls unshare.. in a loop"
 	return true;
 }
 
 void unshare_all(struct vm_area_struct *vma)
 {
 	unsigned long start;
 
 	for_each_table(start, vma)
 		unshare(vma, start);
 }
""",
        """
 static void drop(struct table *table)
 {
 	clear(table);
 	kick_all_cpus_sync();
 }
 
 void drop_all(struct list_head *list)
 {
 	struct table *table;
 
 	list_for_each_entry(table, list, entry)
+		drop(table); // want "interrupts all CPUs with kick_all_cpus_sync"
 }
""",
    ),
    good=(
        """
 void optimize_all(struct list *pages, struct list *freed)
 {
 	struct page *page;
 
 	for_each_page(page, pages) {
 		int error = optimize(page, freed);
 
+		if (error == -ENOMEM && !empty(freed)) {
+			flush_tlb_all();
+			give_back(freed);
+			optimize(page, freed);
+		}
 	}
+	flush_tlb_all();
 }
""",
        """
 void unshare_range(struct vm_area_struct *vma, unsigned long start, unsigned long end)
 {
 	for (; start < end; start += PMD_SIZE)
 		unshare(vma, start);
+	tlb_remove_table_sync_one();
 }
""",
        """
 void set_all(struct group *groups, int count)
 {
 	int i;
 
+	for (i = 0; i < count; i++)
+		on_each_cpu_mask(&groups[i].cpus, set, NULL, 1);
 }
""",
        """
 int settle(struct table *table)
 {
 	while (!settled(table)) {
+		kick_all_cpus_sync();
 	}
 	for (;;) {
+		flush_tlb_all();
 		if (settled(table))
 			return 0;
 	}
 }
""",
        """
 int find(struct table *tables, int count)
 {
 	int i;
 
 	for (i = 0; i < count; i++) {
 		if (tables[i].stale) {
+			flush_tlb_all();
+			break;
 		}
 	}
 	return i;
 }
""",
    ),
    in_code=tuple(sorted(BROADCASTS)),
)
