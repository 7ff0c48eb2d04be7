"""Which functions of the core kernel may sleep.

Sources: might_sleep() and might_fault() in their bodies or kernel-doc; Documentation/core-api/memory-allocation.rst for
what the GFP flags allow.
"""

from patchscan.flow.primitives import effect_of
from patchscan.pattern import pattern

_SLEEPS = pattern(
    r"might_sleep|might_fault|cond_resched|msleep\w*|ssleep|fsleep|usleep_range\w*|schedule(_timeout\w*|_hrtimeout\w*)?"
    r"|io_schedule\w*|wait_event(_(timeout|interruptible|killable|idle|exclusive|freezable|freezekillable|hrtimeout|state|io))*|wait_for_completion\w*|wait_on_(bit|page|folio)\w*|wait_woken"
    r"|synchronize_(rcu\w*|srcu\w*|net|irq|sched|hardirq)|rcu_barrier(_tasks\w*)?|srcu_barrier|cond_synchronize_(rcu|srcu)\w*"
    r"|flush_(work|workqueue|delayed_work|scheduled_work)|drain_workqueue|cancel_(delayed_)?work_sync"
    r"|kthread_(stop|park|create\w*|run\w*)|copy_(from|to|in)_user\w*|get_user|put_user|clear_user|strncpy_from_user"
    r"|v[mz]alloc(_node|_user|_32|_32_user|_huge\w*|_array)?|kvfree_rcu_mightsleep|kfree_rcu_mightsleep|stop_machine|stop_cpus"
    r"|blocking_notifier_call_chain|request_irq|request_threaded_irq|free_irq|disable_irq|request_firmware"
    r"|mmput|fput_sync|filemap_write_and_wait\w*|sync_blockdev|lock_sock(_nested)?|kmem_cache_(create|destroy)\w*"
)
_ALLOCATES = pattern(
    r"(kv?[mz]alloc|kv?[mc]alloc|kv?malloc_array|kcalloc|kmemdup\w*|kstrdup\w*|kasprintf|kvasprintf|krealloc\w*"
    r"|kmem_cache_(z?alloc|alloc_node|alloc_bulk)|alloc_pages?\w*|__get_free_pages?|get_zeroed_page|folio_alloc\w*"
    r"|mempool_alloc|alloc_percpu_gfp|devm_k[mzc]alloc\w*|devm_kcalloc|bio_alloc\w*|alloc_skb|genlmsg_new|nlmsg_new)"
    r"(_node|_noprof|_array|_track_caller)?"
)
_MAY_SLEEP_FLAGS = pattern(
    r"\b(GFP_KERNEL\w*|GFP_USER|GFP_HIGHUSER\w*|GFP_NOFS|GFP_NOIO|__GFP_DIRECT_RECLAIM|__GFP_RECLAIM)\b"
)
_NO_SLEEP_FLAGS = pattern(r"\b(GFP_ATOMIC|GFP_NOWAIT)\b|~\s*__GFP_(DIRECT_)?RECLAIM\b")
_SLEEPING_KINDS = frozenset({"mutex", "rwsem", "semaphore"})


def sleeps(name: str, arguments: tuple[str, ...]) -> bool | None:
    """Whether a call of a function of the core kernel may sleep: True, False, or None when that is not known.

    An allocation sleeps or not by its flags; flags held in a variable are not known.
    """
    if _ALLOCATES.fullmatch(name):
        flags = " ".join(arguments)
        if _NO_SLEEP_FLAGS.search(flags):
            return False
        return True if _MAY_SLEEP_FLAGS.search(flags) else None
    if _SLEEPS.fullmatch(name):
        return True
    effect = effect_of(name)
    if effect is None:
        return None
    takes = effect.op == "acquire" and effect.lock in _SLEEPING_KINDS
    return takes and not (effect.success == "nonzero" or name.endswith("trylock"))
