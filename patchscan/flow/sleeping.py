"""Which functions of the core kernel may sleep.

Sources: might_sleep() and might_fault() in their bodies or kernel-doc; Documentation/core-api/memory-allocation.rst for
what the GFP flags allow.
"""

from functools import lru_cache

from patchscan.basics.nameset import Names
from patchscan.basics.pattern import pattern
from patchscan.c.source import Source
from patchscan.flow.effects import PREDICATES, effect_of

_SLEEPS = Names(
    "might_sleep might_fault cond_resched msleep* ssleep fsleep usleep_range* schedule schedule_timeout* "
    "schedule_hrtimeout* io_schedule* wait_for_completion* wait_on_{bit,page,folio}* wait_woken "
    "synchronize_{rcu*,srcu*,net,irq,sched,hardirq} rcu_barrier rcu_barrier_tasks* srcu_barrier "
    "cond_synchronize_{rcu,srcu}* flush_{work,workqueue,delayed_work,scheduled_work} drain_workqueue "
    "cancel_{,delayed_}work_sync kthread_{stop,create*,run*} copy_{from,to,in}_user* get_user put_user clear_user "
    "strncpy_from_user v{m,z}alloc{,_node,_user,_32,_32_user,_huge*,_array} kvfree_rcu_mightsleep "
    "kfree_rcu_mightsleep stop_machine stop_cpus blocking_notifier_call_chain request_irq request_threaded_irq "
    "free_irq disable_irq request_firmware mmput fput_sync filemap_write_and_wait* sync_blockdev lock_sock "
    "lock_sock_nested kmem_cache_{create,destroy}*"
)
_COPIES_AWAKE = Names("copy_{from,to,in}_user_{nofault,nmi,inatomic}*")
_WAITS_FOR = frozenset(
    (
        "timeout",
        "interruptible",
        "killable",
        "idle",
        "exclusive",
        "freezable",
        "freezekillable",
        "hrtimeout",
        "state",
        "io",
    )
)
_ALLOCATES = Names(
    "k{,v}{m,z}alloc k{,v}{m,c}alloc k{,v}malloc_array kcalloc kmemdup* kstrdup* kasprintf kvasprintf krealloc* "
    "kmem_cache_{,z}alloc kmem_cache_alloc_{node,bulk} alloc_page* __get_free_page __get_free_pages "
    "get_zeroed_page folio_alloc* mempool_alloc alloc_percpu_gfp devm_k{m,z,c}alloc* bio_alloc* alloc_skb genlmsg_new "
    "nlmsg_new might_alloc bitmap_{,z}alloc skb_{copy,clone}"
)
_OF_AN_ALLOCATION = ("_node", "_noprof", "_array", "_track_caller")
_MAY_SLEEP_FLAGS = pattern(
    r"\b(GFP_KERNEL\w*|GFP_USER|GFP_HIGHUSER\w*|GFP_NOFS|GFP_NOIO|__GFP_DIRECT_RECLAIM|__GFP_RECLAIM)\b"
)
_NO_SLEEP_FLAGS = pattern(r"\b(GFP_ATOMIC|GFP_NOWAIT)\b|~\s*__GFP_(DIRECT_)?RECLAIM\b")
# Too common to be searched for; their definitions neither sleep nor take a lock that does.
_AWAKE = Names(
    "{raw_,arch_,}atomic{,64,_long}_* refcount_* {,h,l,p}list_{add,del,move,splice,replace}* "
    "{,h,l,p}list_{first,last,next,prev,entry,empty,is,insert,erase,link,cut}* "
    "rb_{add,del,move,splice,replace,first,last,next,prev,entry,empty,is,insert,erase,link,cut}* "
    "INIT_{HLIST,LIST,RB}_* kref_{get,read,init}* cpumask_* rcu_{dereference,assign,access}* {READ,WRITE}_ONCE "
    "smp_{mb,rmb,wmb,load,store,processor}* {,r,w}mb {,dma_}{,r,w}mb barrier cpu_relax {u,m,n}delay "
    "ioread{0,1,2,3,4,5,6,7,8,9}* iowrite{0,1,2,3,4,5,6,7,8,9}* memset* memcpy* memcmp memmove strlen strnlen "
    "s{,n}printf {,_}printk* {WARN,BUG}{,_ON}{,_ONCE} trace_* kfree kfree_{skb*,sensitive,const} complete complete_all "
    "wake_up* {queue,schedule}_{,delayed_}work{,_on} {mod,add,del}_timer timer_{pending,delete} time_{after,before}* "
    "ktime_* {min,max,clamp}{,_t} swap container_of {IS_ERR,ERR}{,_PTR,_OR_NULL,_CAST} PTR_ERR* IS_ENABLED ARRAY_SIZE "
    "BIT GENMASK FIELD_{GET,PREP} likely unlikely sizeof offsetof hton{s,l} ntoh{s,l} {,__}this_cpu_* raw_cpu_* "
    "per_cpu per_cpu_ptr page_to_* virt_to_* phys_to_virt pfn_to_* xa_load idr_find"
)
# Further such names by their form, with what is part of each: a pattern takes long to compile.
_AWAKE_BY_FORM = (
    (("bit",), pattern(r"_*(set|clear|test|change|find|assign|test_and_\w+)_(\w+_)?bits?(_\w+)?")),
    (("read", "write"), pattern(r"_*(raw_)?(read|write)[bwlq](_relaxed)?")),
    (("str",), pattern(r"str\w*(cmp|cpy)")),
    (("skb_",), pattern(r"_*skb_(queue|dequeue|unlink|put|push|pull|reserve)\w*")),
    (("e16", "e32", "e64"), pattern(r"([bl]e\d\d_to_cpu|cpu_to_[bl]e\d\d)\w*")),
    (
        ("_err", "_warn", "_info", "_notice", "_dbg", "_emerg", "_crit", "_alert"),
        pattern(
            r"(_?dev|netdev|pr|pci|net|drm|wiphy|ib|ibdev|sdev)_(err|warn|info|notice|dbg|emerg|crit|alert)(_\w+)?"
        ),
    ),
)
_WORD = pattern(r"\w+")
_SLEEPING_KINDS = frozenset({"mutex", "rwsem", "semaphore"})


def tells_no_context(source: Source) -> bool:
    """Whether nothing in a hunk says in which context its code runs: then nothing there is known to forbid sleeping."""
    return source.fragment is not None and not any(
        map(_tells_context, frozenset(_WORD.findall(source.code.decode("utf-8", "replace"))))
    )


@lru_cache(maxsize=4096)
def _tells_context(word: str) -> bool:
    effect = effect_of(word)
    if effect is None:
        return word in PREDICATES or "guard" in word
    return effect.lock not in _SLEEPING_KINDS


def sleeps(name: str, arguments: tuple[str, ...]) -> bool | None:
    """Whether a call of a function of the core kernel may sleep: True, False, or None when that is not known.

    An allocation sleeps or not by its flags; flags held in a variable are not known.
    """
    if name == "might_sleep_if" or _allocates(name):
        return may_block(" ".join(arguments))
    return _by_name(name)


@lru_cache(maxsize=4096)
def _allocates(name: str) -> bool:
    if name in _ALLOCATES:
        return True
    end = next((each for each in _OF_AN_ALLOCATION if name.endswith(each)), "")
    return bool(end) and name.removesuffix(end) in _ALLOCATES


@lru_cache(maxsize=4096)
def _by_name(name: str) -> bool | None:
    if _waits(name) or (name in _SLEEPS and name not in _COPIES_AWAKE):
        return True
    effect = effect_of(name)
    if effect is None:
        return False if name in _AWAKE or _is_awake_by_form(name) else None
    takes = effect.op == "acquire" and effect.lock in _SLEEPING_KINDS
    return takes and not (effect.success == "nonzero" or name.endswith("trylock"))


def _is_awake_by_form(name: str) -> bool:
    return any(
        any(part in name for part in parts) and form.fullmatch(name) is not None
        for parts, form in _AWAKE_BY_FORM
    )


def _waits(name: str) -> bool:
    """Whether a call is wait_event() or one of its relatives."""
    rest = name.removeprefix("wait_event")
    return rest != name and (not rest or (rest[0] == "_" and _WAITS_FOR.issuperset(rest[1:].split("_"))))


def may_block(flags: str) -> bool | None:
    """Whether GFP flags, as the code spells them, allow to sleep; None where they do not stand there."""
    if _NO_SLEEP_FLAGS.search(flags):
        return False
    return True if _MAY_SLEEP_FLAGS.search(flags) else None
