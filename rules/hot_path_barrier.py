"""A full barrier or an atomic read-modify-write in a function that is known to be hot."""

from collections.abc import Iterator

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

# Function names, each row with what says that it is hot.
HOT = {
    # Review of "mm: use targeted IPIs for TLB sync with lockless page table walkers" v4, 2026-02-02: databases are
    # sensitive to the latency of GUP-fast. The second half are its names before 6.10.
    "GUP-fast": "gup_fast gup_fast_fallback gup_fast_pgd_range gup_fast_pmd_range gup_fast_pte_range"
    " try_grab_folio_fast get_user_pages_fast pin_user_pages_fast internal_get_user_pages_fast"
    " lockless_pages_from_mm gup_pgd_range gup_pte_range",
    # Documentation/mm/process_addrs.rst and the per-VMA lock work: page faults of many threads must scale.
    "page faults": "handle_mm_fault __handle_mm_fault handle_pte_fault do_anonymous_page lock_vma_under_rcu"
    " vma_start_read vma_end_read",
    # mm/page_alloc.c: "heart" of the allocator, per-CPU lists to avoid zone->lock; mm/slub.c: "fastpath".
    "memory allocation": "get_page_from_freelist __alloc_pages __alloc_pages_noprof rmqueue rmqueue_pcplist"
    " free_unref_page slab_alloc_node __slab_alloc_node slab_free do_slab_free",
    # Documentation/filesystems/path-lookup.rst (RCU-walk takes no locks or references); fs/file.c.
    "path lookup": "link_path_walk lookup_fast walk_component __d_lookup_rcu __fget_files_rcu __fget_light",
    # mm/filemap.c: batched look-up of the page cache without references.
    "reads from the page cache": "filemap_read filemap_get_read_batch filemap_get_entry",
    # Documentation/scheduler/sched-design-CFS.rst; kernel/sched/core.c (barriers there are counted one by one).
    "the scheduler": "__schedule context_switch finish_task_switch prepare_task_switch try_to_wake_up pick_next_task"
    " update_curr enqueue_task_fair dequeue_task_fair sched_tick switch_mm_irqs_off",
    # Documentation/core-api/entry.rst.
    "kernel entry and exit": "enter_from_user_mode exit_to_user_mode syscall_enter_from_user_mode do_syscall_64"
    " syscall_exit_to_user_mode exit_to_user_mode_prepare exit_to_user_mode_loop irqentry_enter irqentry_exit",
    # Documentation/RCU/whatisRCU.rst: readers cost next to nothing.
    "RCU readers": "rcu_read_lock rcu_read_unlock __rcu_read_lock __rcu_read_unlock",
    # Documentation/networking/scaling.rst; net/ipv4/tcp_input.c ("fast path").
    "packet processing": "__netif_receive_skb_core napi_gro_receive dev_gro_receive __dev_queue_xmit ip_rcv"
    " tcp_v4_rcv tcp_rcv_established __tcp_transmit_skb",
    # Documentation/block/blk-mq.rst.
    "block requests": "submit_bio_noacct blk_mq_submit_bio blk_mq_start_request __blk_mq_end_request",
}
PATHS = {name: path for path, names in HOT.items() for name in names.split()}
# Documentation/atomic_t.txt, atomic_bitops.txt, memory-barriers.txt.
BARRIER = pattern(r"(?:smp|virt)_(?:mb|store_mb|mb__\w+)|mb")
ATOMIC = pattern(
    r"(?:raw_|arch_)?atomic(?:64|_long)?_(?!read|set)\w+|(?:test_and_)?(?:set|clear|change)_bit(?:_lock|_unlock)?"
    r"|(?:try_)?(?:cmp)?xchg(?:64)?(?:_acquire|_release|_relaxed)?|refcount_(?:inc|dec|add|sub)\w*|kref_(?:get|put)\w*"
)


def check(context: Context) -> Iterator[Finding | Silence]:
    """Every added call in a hot function that orders, or changes memory atomically, itself or in a new helper."""
    for file in context.c_files:
        if not file.added:
            continue
        for function in file.functions:
            if function.name not in PATHS:
                continue
            for call in function.calls():
                if call.line in file.added_numbers:
                    remark = judge(context, file, function, call)
                    if remark:
                        yield remark


def judge(context: Context, file: ChangedFile, function: Function, call: Call) -> Finding | Silence | None:
    """A finding where an added call of a hot function costs what a hot path should not."""
    what, evidence = cost(call), tuple[Evidence, ...]()
    if what is None:
        # A helper that is on the list itself is judged where it stands.
        found = cost_of_helper(context, call.name) if call.name not in PATHS else None
        if found is None:
            return None
        what, evidence = f"{found[2]} in {call.name}()", (found[0].evidence(found[1]),)
    if file.was_there(call.line) or not more_than_before(file, function):
        return file.fine(call.line, "there were as many of these before")
    if any(unlikely(function, each) for each in function.enclosing(call.node)):
        return file.fine(call.line, "only a branch marked unlikely() pays")
    if gives_up(function, call):
        return file.fine(call.line, "only the way out by goto pays")
    return file.finding(
        call.line,
        f"{what}: {function.name}() is a hot path ({PATHS[function.name]}); say what it costs there, and "
        f"whether the slow side could pay instead",
        evidence,
    )


def gives_up(function: Function, call: Call) -> bool:
    """Whether the call stands in a branch that ends in a goto: what was begun is taken back."""
    statement = function.statement_of(call.node)
    block = statement.parent if statement is not None else None
    if block is None or block.type != "compound_statement" or block == function.body:
        return False
    return block.named_children[-1].type == "goto_statement"


def cost(call: Call) -> str | None:
    """What a call is, where it is a full barrier or an atomic read-modify-write."""
    if BARRIER.fullmatch(call.name):
        return f"the full barrier {call.name}()"
    return f"the atomic {call.name}()" if ATOMIC.fullmatch(call.name) else None


def cost_of_helper(context: Context, name: str) -> tuple[ChangedFile, int, str] | None:
    """(file, line, what) of a costly call that this series adds to a function of that name."""
    for other in (context.whole, *context.earlier):
        for file in other.c_files:
            if not file.adds("mb(", "mb__", "atomic", "_bit(", "xchg", "refcount", "kref"):
                continue
            for function in file.functions:
                if function.name != name:
                    continue
                for call in function.calls():
                    what = cost(call)
                    if what and call.line in file.added_numbers:
                        return file, call.line, what
    return None


def more_than_before(file: ChangedFile, function: Function) -> bool:
    """Whether the function does more of this than before the patch (or calls helpers, not counted there)."""
    before = file.before_of(function.name)
    now = sum(cost(call) is not None for call in function.calls())
    return before is None or now == 0 or now > sum(cost(call) is not None for call in before.calls())


def unlikely(function: Function, control: Control) -> bool:
    """Whether a branch is marked unlikely()."""
    condition = control.condition
    return (
        control.kind == "if" and condition is not None and "unlikely(" in function.source.text_of(condition)
    )


RULE = Rule(
    name="hot-path-barrier",
    summary="A full barrier or an atomic operation is added to a hot path",
    why=(
        "A full barrier or a locked instruction costs tens of cycles, more when the cache line is shared. In a "
        "function that runs millions of times a second that shows in benchmarks, and reviewers ask whether the "
        "rare side, which frees or flushes, could pay instead."
    ),
    source=(
        'review of "mm: use targeted IPIs for TLB sync with lockless page table walkers" v4 1/3, 2026-02-02 '
        "(1.489 s to 1.533 s for GUP-fast); the list of functions with its sources stands in the rule"
    ),
    severity="info",
    confidence="medium",
    check=check,
    by_file=True,
    bad=(
        """
>>> patch mm: note walks
>>> file include/linux/mm.h
+static inline void walk_begin(struct mm_struct *mm)
+{
+	this_cpu_write(walking, mm);
+	/* Pairs with smp_mb() in wait_for_walks(). */
+	smp_mb();
+}
>>> file mm/gup.c
 static int gup_fast(unsigned long start, unsigned long end)
 {
 	unsigned long flags;
 
 	local_irq_save(flags);
+	walk_begin(current->mm); // want "smp_mb.. in walk_begin.*hot path"
 	gup_fast_pgd_range(start, end);
 	local_irq_restore(flags);
 	return 0;
 }
""",
        """
 static void __schedule(int mode)
 {
 	struct rq *rq = this_rq();
 
+	atomic_inc(&switches); // want "atomic_inc.*__schedule.. is a hot path"
 	switch_to(rq);
 }
""",
    ),
    good=(
        """
 static void __schedule(int mode)
 {
 	struct rq *rq = this_rq();
 
+	if (!may_switch(rq)) {
+		atomic_dec(&switches);
+		goto out;
+	}
 	switch_to(rq);
+out:
 	unlock(rq);
 }
""",
        """
 static void __schedule(int mode)
 {
 	struct rq *rq = this_rq();
 
+	/* No smp_mb() here: the unlock orders it. */
+	barrier();
+	WRITE_ONCE(rq->curr, next);
 }
""",
        """
 static int collapse_huge_page(struct mm_struct *mm)
 {
+	smp_mb();
+	atomic_inc(&collapses);
 	return 0;
 }
""",
        """
 static void __schedule(int mode)
 {
 	struct rq *rq = this_rq();
 
-	smp_mb();
+	smp_mb__after_spinlock();
+	this_cpu_inc(switches);
+	if (atomic_read(&rq->waiting))
+		switch_to(rq);
 }
""",
        """
 static void try_to_wake_up(struct task_struct *task)
 {
+	if (unlikely(task->frozen)) {
+		set_bit(WOKEN, &task->flags);
+		return;
+	}
 	queue(task);
 }
""",
    ),
    in_code=tuple(PATHS),
)
