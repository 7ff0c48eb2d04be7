"""Which functions of the core kernel may sleep.

Sources: might_sleep() and might_fault() in their bodies or kernel-doc; Documentation/core-api/memory-allocation.rst for
what the GFP flags allow.
"""

from functools import lru_cache

from patchscan.basics.pattern import pattern
from patchscan.flow.effects import effect_of

_SLEEPS = pattern(
    r"might_sleep|might_fault|cond_resched|msleep\w*|ssleep|fsleep|usleep_range\w*|schedule(_timeout\w*|_hrtimeout\w*)?"
    r"|io_schedule\w*|wait_event(_(timeout|interruptible|killable|idle|exclusive|freezable|freezekillable|hrtimeout|state|io))*|wait_for_completion\w*|wait_on_(bit|page|folio)\w*|wait_woken"
    r"|synchronize_(rcu\w*|srcu\w*|net|irq|sched|hardirq)|rcu_barrier(_tasks\w*)?|srcu_barrier|cond_synchronize_(rcu|srcu)\w*"
    r"|flush_(work|workqueue|delayed_work|scheduled_work)|drain_workqueue|cancel_(delayed_)?work_sync"
    r"|kthread_(stop|create\w*|run\w*)|copy_(from|to|in)_user(?!_nofault|_nmi|_inatomic)\w*|get_user|put_user|clear_user|strncpy_from_user"
    r"|v[mz]alloc(_node|_user|_32|_32_user|_huge\w*|_array)?|kvfree_rcu_mightsleep|kfree_rcu_mightsleep|stop_machine|stop_cpus"
    r"|blocking_notifier_call_chain|request_irq|request_threaded_irq|free_irq|disable_irq|request_firmware"
    r"|mmput|fput_sync|filemap_write_and_wait\w*|sync_blockdev|lock_sock(_nested)?|kmem_cache_(create|destroy)\w*"
)
_ALLOCATES = pattern(
    r"(kv?[mz]alloc|kv?[mc]alloc|kv?malloc_array|kcalloc|kmemdup\w*|kstrdup\w*|kasprintf|kvasprintf|krealloc\w*"
    r"|kmem_cache_(z?alloc|alloc_node|alloc_bulk)|alloc_pages?\w*|__get_free_pages?|get_zeroed_page|folio_alloc\w*"
    r"|mempool_alloc|alloc_percpu_gfp|devm_k[mzc]alloc\w*|devm_kcalloc|bio_alloc\w*|alloc_skb|genlmsg_new|nlmsg_new|might_alloc|bitmap_z?alloc|skb_(copy|clone))"
    r"(_node|_noprof|_array|_track_caller)?"
)
_MAY_SLEEP_FLAGS = pattern(
    r"\b(GFP_KERNEL\w*|GFP_USER|GFP_HIGHUSER\w*|GFP_NOFS|GFP_NOIO|__GFP_DIRECT_RECLAIM|__GFP_RECLAIM)\b"
)
_NO_SLEEP_FLAGS = pattern(r"\b(GFP_ATOMIC|GFP_NOWAIT)\b|~\s*__GFP_(DIRECT_)?RECLAIM\b")
# Too common to be searched for; their definitions neither sleep nor take a lock that does.
_AWAKE = pattern(
    r"(raw_|arch_)?atomic(64|_long)?_\w+|_*(set|clear|test|change|find|assign|test_and_\w+)_(\w+_)?bits?(_\w+)?|refcount_\w+"
    r"|(h?list|llist|plist|rb)_(add|del|move|splice|replace|first|last|next|prev|entry|empty|is|insert|erase|link|cut)\w*"
    r"|INIT_(H?LIST|RB)_\w+|kref_(get|read|init)\w*|cpumask_\w+|rcu_(dereference|assign|access)\w*|(READ|WRITE)_ONCE"
    r"|smp_(mb|rmb|wmb|load|store|processor)\w*|[rw]?mb|dma_[rw]?mb|barrier|cpu_relax|[umn]delay"
    r"|_*(raw_)?(read|write)[bwlq](_relaxed)?|ioread\d+\w*|iowrite\d+\w*|memset\w*|memcpy\w*|memcmp|memmove|str\w*cmp|strn?len|str\w*cpy|sn?printf"
    r"|(_?dev|netdev|pr|pci|net|drm|wiphy|ib|ibdev|sdev)_(err|warn|info|notice|dbg|emerg|crit|alert)(_\w+)?|_?printk\w*"
    r"|(WARN|BUG)(_ON)?(_ONCE)?|trace_\w+|kfree(_skb\w*|_sensitive|_const)?|_*skb_(queue|dequeue|unlink|put|push|pull|reserve)\w*"
    r"|complete(_all)?|wake_up\w*|(queue|schedule)_(delayed_)?work(_on)?|(mod|add|del)_timer|timer_(pending|delete)"
    r"|time_(after|before)\w*|ktime_\w+|min(_t)?|max(_t)?|swap|clamp(_t)?|container_of|(IS_)?ERR(_PTR|_OR_NULL|_CAST)?|PTR_ERR\w*"
    r"|IS_ENABLED|ARRAY_SIZE|BIT|GENMASK|FIELD_(GET|PREP)|likely|unlikely|sizeof|offsetof|[bl]e\d\d_to_cpu\w*|cpu_to_[bl]e\d\d\w*|hton[sl]|ntoh[sl]"
    r"|(__)?this_cpu_\w+|raw_cpu_\w+|per_cpu(_ptr)?|page_to_\w+|virt_to_\w+|phys_to_virt|pfn_to_\w+|xa_load|idr_find"
)
_SLEEPING_KINDS = frozenset({"mutex", "rwsem", "semaphore"})


def sleeps(name: str, arguments: tuple[str, ...]) -> bool | None:
    """Whether a call of a function of the core kernel may sleep: True, False, or None when that is not known.

    An allocation sleeps or not by its flags; flags held in a variable are not known.
    """
    if name == "might_sleep_if" or _allocates(name):
        return may_block(" ".join(arguments))
    return _by_name(name)


@lru_cache(maxsize=4096)
def _allocates(name: str) -> bool:
    return _ALLOCATES.fullmatch(name) is not None


@lru_cache(maxsize=4096)
def _by_name(name: str) -> bool | None:
    if _SLEEPS.fullmatch(name):
        return True
    effect = effect_of(name)
    if effect is None:
        return False if _AWAKE.fullmatch(name) else None
    takes = effect.op == "acquire" and effect.lock in _SLEEPING_KINDS
    return takes and not (effect.success == "nonzero" or name.endswith("trylock"))


def may_block(flags: str) -> bool | None:
    """Whether GFP flags, as the code spells them, allow to sleep; None where they do not stand there."""
    if _NO_SLEEP_FLAGS.search(flags):
        return False
    return True if _MAY_SLEEP_FLAGS.search(flags) else None
