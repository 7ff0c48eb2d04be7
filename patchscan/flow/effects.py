"""What the kernel's own functions do to interrupts, preemption, RCU and locks, by name.

Sources: include/linux/{spinlock,rwlock,local_lock,irqflags,preempt,rcupdate,srcu,mutex,rwsem,cleanup}.h,
Documentation/locking/locktypes.rst (what PREEMPT_RT changes), Documentation/core-api/local_ops.rst.
"""

from functools import lru_cache
from typing import Literal

from patchscan.basics.nameset import Names
from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen, replace

RAW_LOCKS = frozenset({"raw_spin", "raw_rwlock", "bit_spin"})
RT_SLEEPING_LOCKS = frozenset({"spin", "rwlock", "local_lock"})
ATOMIC_LOCKS = RAW_LOCKS | RT_SLEEPING_LOCKS


Op = Literal["acquire", "release", "assert", ""]


Irq = Literal["off", "on", "save", "restore", ""]


Success = Literal["always", "nonzero", "zero"]


@frozen
class Effect:
    """What one call does.

    op: "acquire", "release", "assert" or "" (only the flags below). lock: kind of the lock it takes or drops, ""
    for none; lock_argument: which argument names it, -1 for the value returned, -2 for the call itself.
    irq: "off", "on", "save" or "restore" of the interrupt flag, "" for none; on_rt: whether that also holds on
    PREEMPT_RT; flags_argument: where the saved flags stand. preempt, migration, ...: change of depth.
    success: "always", "nonzero" or "zero": the value returned when the effect took place.
    """

    op: Op = ""
    lock: str = ""
    lock_argument: int = 0
    irq: Irq = ""
    on_rt: bool = True
    flags_argument: int = 0
    preempt: int = 0
    bottom_halves: int = 0
    rcu: int = 0
    srcu: int = 0
    migration: int = 0
    success: Success = "always"


_LOCK = pattern(
    r"_?(raw_spin|raw_read|raw_write|spin|read|write|mutex|rt_mutex|ww_mutex|local|bit_spin|hlist_bl|xas?|task)"
    r"_(trylock|lock|unlock)(_irqsave|_irqrestore|_irq|_bh)?"
    r"(_nested|_nest_lock|_nested_bh|_killable|_killable_nested|_interruptible|_interruptible_nested|_io|_rcu_node"
    r"|_notrace|_no_resched)?"
)
_KINDS = {
    "raw_spin": "raw_spin",
    "raw_read": "raw_rwlock",
    "raw_write": "raw_rwlock",
    "spin": "spin",
    "read": "rwlock",
    "write": "rwlock",
    "mutex": "mutex",
    "rt_mutex": "mutex",
    "ww_mutex": "mutex",
    "local": "local_lock",
    "bit_spin": "bit_spin",
    "hlist_bl": "bit_spin",
    "xa": "spin",
    "xas": "spin",
    "task": "spin",
}
_SEMAPHORE = pattern(
    r"(percpu_)?(down|up)(_read|_write)?(_trylock|_killable|_killable_nested|_interruptible|_nested|_nest_lock"
    r"|_non_owner|_timeout)?"
)
_SLEEPING = pattern(
    r"(mmap_read|mmap_write|inode|inode_lock|folio|device|i_mmap|i_mmap_lock|anon_vma|rtnl|cpus_read|cpus_write"
    r"|page|vma_start|nfs|sock)_(lock|trylock|unlock)(_shared|_read|_write|_killable|_nested|_interruptible)?"
)
_RCU = pattern(r"rcu_read_(lock|unlock)(_bh|_sched|_sched_notrace|_trace)?")
# How the names begin that two of the patterns know: asked first, for a pattern takes long to compile.
_LOCKS = (*_KINDS, *(f"_{kind}" for kind in _KINDS))
_SLEEPING_LOCKS = Names("{mmap,inode,folio,device,i_mmap,anon_vma,rtnl,cpus,page,vma_start,nfs,sock}_*")
_SIGN = {"lock": 1, "unlock": -1}


def _lock_effect(name: str) -> Effect | None:
    """spin_lock_irqsave() and all its relatives."""
    match = _LOCK.fullmatch(name) if name.startswith(_LOCKS) else None
    if match is None:
        return None
    family, verb, flag, variant = match.groups()
    kind = _KINDS[family]
    effect = Effect("release" if verb == "unlock" else "acquire", kind, on_rt=kind in RAW_LOCKS)
    if family == "bit_spin":
        effect = replace(effect, lock_argument=1)
    if flag == "_bh" or variant == "_nested_bh":
        effect = replace(effect, bottom_halves=-1 if verb == "unlock" else 1)
    elif flag:
        irq = {"_irqsave": "save", "_irqrestore": "restore"}.get(flag, "on" if verb == "unlock" else "off")
        effect = replace(effect, irq=irq, flags_argument=2 if variant == "_nested" else 1)
    if verb == "trylock":
        return replace(effect, success="nonzero")
    if variant and ("killable" in variant or "interruptible" in variant) and verb == "lock":
        return replace(effect, success="zero")
    return effect


def _semaphore_effect(name: str) -> Effect | None:
    """down_read(), up_write(), percpu_down_read(): locks that sleep."""
    match = _SEMAPHORE.fullmatch(name) if name.startswith(("down", "up", "percpu_")) else None
    if match is None:
        return None
    per_cpu, verb, side, variant = match.groups()
    kind = "rwsem" if side or per_cpu else "semaphore"
    if verb == "up":
        return Effect("release", kind)
    if variant == "_trylock":
        return Effect("acquire", kind, success="nonzero" if side else "zero")
    conditional = bool(variant) and variant in ("_killable", "_killable_nested", "_interruptible", "_timeout")
    return Effect("acquire", kind, success="zero" if conditional else "always")


def _sleeping_lock_effect(name: str) -> Effect | None:
    """mmap_read_lock(), folio_lock(), rtnl_lock(): locks of a subsystem that sleep."""
    match = _SLEEPING.fullmatch(name) if "lock" in name and name in _SLEEPING_LOCKS else None
    if match is None:
        return None
    family, verb, variant = match.groups()
    argument = -2 if family in ("rtnl", "cpus_read", "cpus_write") else 0
    effect = Effect("release" if verb == "unlock" else "acquire", "rwsem", argument)
    if verb == "trylock":
        return replace(effect, success="nonzero")
    return replace(effect, success="zero") if variant in ("_killable", "_interruptible") else effect


def _rcu_effect(name: str) -> Effect | None:
    match = _RCU.fullmatch(name) if name.startswith("rcu_read_") else None
    if match is None or match.group(2) == "_trace":
        return None
    sign = _SIGN[match.group(1)]
    flavor = match.group(2) or ""
    return Effect(
        rcu=sign, bottom_halves=sign * (flavor == "_bh"), preempt=sign * flavor.startswith("_sched")
    )


def _both(names: tuple[tuple[str, str], ...], on: Effect, off: Effect) -> dict[str, Effect]:
    found: dict[str, Effect] = {}
    for enter, leave in names:
        found[enter], found[leave] = on, off
    return found


_NAMED: dict[str, Effect] = {
    **_both(
        (
            ("preempt_disable", "preempt_enable"),
            ("preempt_disable_notrace", "preempt_enable_notrace"),
            ("preempt_disable", "preempt_enable_no_resched"),
            ("preempt_disable", "sched_preempt_enable_no_resched"),
            ("get_cpu", "put_cpu"),
            ("get_cpu_ptr", "put_cpu_ptr"),
            ("get_cpu_var", "put_cpu_var"),
        ),
        Effect(preempt=1),
        Effect(preempt=-1),
    ),
    **_both(
        (
            ("local_bh_disable", "local_bh_enable"),
            ("__local_bh_disable_ip", "__local_bh_enable_ip"),
            ("__local_bh_disable_ip", "__local_bh_enable"),
        ),
        Effect(bottom_halves=1),
        Effect(bottom_halves=-1),
    ),
    **_both(
        (
            ("local_irq_disable", "local_irq_enable"),
            ("raw_local_irq_disable", "raw_local_irq_enable"),
            ("hard_irq_disable", "local_irq_enable"),
            ("hard_local_irq_disable", "hard_local_irq_enable"),
        ),
        Effect(irq="off"),
        Effect(irq="on"),
    ),
    **_both(
        (("local_irq_save", "local_irq_restore"), ("raw_local_irq_save", "raw_local_irq_restore")),
        Effect(irq="save"),
        Effect(irq="restore"),
    ),
    **_both((("migrate_disable", "migrate_enable"),), Effect(migration=1), Effect(migration=-1)),
    **_both((("srcu_read_lock", "srcu_read_unlock"),), Effect(srcu=1), Effect(srcu=-1)),
    **_both((("srcu_read_lock_nmisafe", "srcu_read_unlock_nmisafe"),), Effect(srcu=1), Effect(srcu=-1)),
    "write_seqlock": Effect("acquire", "spin", on_rt=False),
    "write_sequnlock": Effect("release", "spin", on_rt=False),
    "write_seqlock_irqsave": Effect("acquire", "spin", irq="save", on_rt=False, flags_argument=1),
    "write_sequnlock_irqrestore": Effect("release", "spin", irq="restore", on_rt=False, flags_argument=1),
    "write_seqlock_irq": Effect("acquire", "spin", irq="off", on_rt=False),
    "write_sequnlock_irq": Effect("release", "spin", irq="on", on_rt=False),
    "read_seqlock_excl": Effect("acquire", "spin", on_rt=False),
    "read_sequnlock_excl": Effect("release", "spin", on_rt=False),
    "task_rq_lock": Effect("acquire", "raw_spin", -1, irq="save", flags_argument=1),
    "task_rq_unlock": Effect("release", "raw_spin", irq="restore", flags_argument=2),
    "rq_lock_irqsave": Effect("acquire", "raw_spin", irq="save", flags_argument=1),
    "rq_unlock_irqrestore": Effect("release", "raw_spin", irq="restore", flags_argument=1),
    "rq_lock_irq": Effect("acquire", "raw_spin", irq="off"),
    "rq_unlock_irq": Effect("release", "raw_spin", irq="on"),
    "this_rq_lock_irq": Effect("acquire", "raw_spin", -1, irq="off"),
    "rq_lock": Effect("acquire", "raw_spin"),
    "rq_unlock": Effect("release", "raw_spin"),
    "raw_spin_rq_lock": Effect("acquire", "raw_spin"),
    "raw_spin_rq_unlock": Effect("release", "raw_spin"),
    "raw_spin_rq_lock_irq": Effect("acquire", "raw_spin", irq="off"),
    "raw_spin_rq_unlock_irq": Effect("release", "raw_spin", irq="on"),
    "raw_spin_rq_lock_irqsave": Effect("acquire", "raw_spin", irq="save", flags_argument=1),
    "raw_spin_rq_unlock_irqrestore": Effect("release", "raw_spin", irq="restore", flags_argument=1),
    "lock_timer_base": Effect("acquire", "raw_spin", -1, irq="save", flags_argument=1),
    "lock_hrtimer_base": Effect("acquire", "raw_spin", -1, irq="save", flags_argument=1),
    "unlock_hrtimer_base": Effect("release", "raw_spin", irq="restore", flags_argument=1),
    "lock_task_sighand": Effect(
        "acquire", "spin", -1, irq="save", on_rt=False, flags_argument=1, success="nonzero"
    ),
    "unlock_task_sighand": Effect("release", "spin", irq="restore", on_rt=False, flags_argument=1),
    "pte_offset_map_lock": Effect("acquire", "spin", 3, on_rt=False, rcu=1, success="nonzero"),
    "pte_unmap_unlock": Effect("release", "spin", 1, on_rt=False, rcu=-1),
    "pte_offset_map": Effect(rcu=1, success="nonzero"),
    "pte_unmap": Effect(rcu=-1),
    "bh_lock_sock": Effect("acquire", "spin", on_rt=False),
    "bh_unlock_sock": Effect("release", "spin", on_rt=False),
    "netif_addr_lock_bh": Effect("acquire", "spin", on_rt=False, bottom_halves=1),
    "netif_addr_unlock_bh": Effect("release", "spin", on_rt=False, bottom_halves=-1),
    "netif_tx_lock_bh": Effect("acquire", "spin", on_rt=False, bottom_halves=1),
    "netif_tx_unlock_bh": Effect("release", "spin", on_rt=False, bottom_halves=-1),
    "pmd_lock": Effect("acquire", "spin", -1, on_rt=False),
    "pud_lock": Effect("acquire", "spin", -1, on_rt=False),
    "huge_pte_lock": Effect("acquire", "spin", -1, on_rt=False),
    "pmd_trans_huge_lock": Effect("acquire", "spin", -1, on_rt=False, success="nonzero"),
    "pud_trans_huge_lock": Effect("acquire", "spin", -1, on_rt=False, success="nonzero"),
    "lock_page": Effect("acquire", "rwsem"),
    "unlock_page": Effect("release", "rwsem"),
    "trylock_page": Effect("acquire", "rwsem", success="nonzero"),
}

_ASSERTED: dict[str, Effect] = {
    "lockdep_assert_irqs_disabled": Effect("assert", irq="off"),
    "lockdep_assert_irqs_enabled": Effect("assert", irq="on"),
    "lockdep_assert_preemption_disabled": Effect("assert", preempt=1),
    "lockdep_assert_preemption_enabled": Effect("assert", preempt=-1),
    "lockdep_assert_in_softirq": Effect("assert", bottom_halves=1),
    "lockdep_assert_in_rcu_read_lock": Effect("assert", rcu=1),
    "cant_sleep": Effect("assert", preempt=1),
    "lockdep_assert_rq_held": Effect("assert", "raw_spin"),
    "assert_spin_locked": Effect("assert", "spin"),
    "assert_raw_spin_locked": Effect("assert", "raw_spin"),
    "lockdep_assert_held": Effect("assert", "lock"),
    "lockdep_assert_held_write": Effect("assert", "lock"),
    "lockdep_assert_held_read": Effect("assert", "lock"),
    "mmap_assert_locked": Effect("assert", "rwsem"),
    "mmap_assert_write_locked": Effect("assert", "rwsem"),
}

_GUARDS: dict[str, str] = {
    "mutex": "mutex_lock",
    "mutex_try": "mutex_trylock",
    "mutex_intr": "mutex_lock_interruptible",
    "mutex_kill": "mutex_lock_killable",
    "rwsem_read": "down_read",
    "rwsem_write": "down_write",
    "percpu_read": "percpu_down_read",
    "percpu_write": "percpu_down_write",
    "spinlock": "spin_lock",
    "spinlock_irq": "spin_lock_irq",
    "spinlock_irqsave": "spin_lock_irqsave",
    "spinlock_bh": "spin_lock_bh",
    "raw_spinlock": "raw_spin_lock",
    "raw_spinlock_nested": "raw_spin_lock",
    "raw_spinlock_irq": "raw_spin_lock_irq",
    "raw_spinlock_irqsave": "raw_spin_lock_irqsave",
    "raw_spinlock_bh": "raw_spin_lock_bh",
    "read_lock": "read_lock",
    "read_lock_irq": "read_lock_irq",
    "read_lock_irqsave": "read_lock_irqsave",
    "write_lock": "write_lock",
    "write_lock_irq": "write_lock_irq",
    "write_lock_irqsave": "write_lock_irqsave",
    "irq": "local_irq_disable",
    "irqsave": "local_irq_save",
    "preempt": "preempt_disable",
    "preempt_notrace": "preempt_disable",
    "migrate": "migrate_disable",
    "rcu": "rcu_read_lock",
    "srcu": "srcu_read_lock",
    "rq_lock": "rq_lock",
    "rq_lock_irq": "rq_lock_irq",
    "rq_lock_irqsave": "rq_lock_irqsave",
    "task_rq_lock": "task_rq_lock",
    "raw_spin_rq_lock": "raw_spin_rq_lock",
    "local_lock": "local_lock",
    "local_lock_irq": "local_lock_irq",
    "local_lock_irqsave": "local_lock_irqsave",
    "local_lock_nested_bh": "local_lock_nested_bh",
    "cpus_read_lock": "cpus_read_lock",
    "device": "device_lock",
}

PREDICATES: dict[str, tuple[Effect, Effect | None]] = {
    "irqs_disabled": (Effect("assert", irq="off"), Effect("assert", irq="on")),
    "raw_irqs_disabled": (Effect("assert", irq="off"), Effect("assert", irq="on")),
    "preemptible": (Effect("assert", irq="on", preempt=-1), None),
    "in_atomic": (Effect("assert", preempt=1), None),
    "in_hardirq": (Effect("assert", irq="off", preempt=1), None),
    "in_nmi": (Effect("assert", irq="off", preempt=1), None),
    "in_interrupt": (Effect("assert", preempt=1), None),
    "in_softirq": (Effect("assert", bottom_halves=1), None),
    "in_serving_softirq": (Effect("assert", bottom_halves=1), None),
    "in_task": (Effect("assert"), Effect("assert", preempt=1)),
    "rcu_read_lock_held": (Effect("assert", rcu=1), None),
}
ASSERTS_FALSE = frozenset(
    {"WARN_ON", "WARN_ON_ONCE", "WARN", "WARN_ONCE", "BUG_ON", "VM_BUG_ON", "VM_WARN_ON", "VM_WARN_ON_ONCE",
     "RCU_LOCKDEP_WARN", "DEBUG_LOCKS_WARN_ON", "SCHED_WARN_ON", "WARN_ON_RATELIMIT", "lockdep_WARN_ON"}
)  # fmt: skip
ASSERTS_TRUE = frozenset({"lockdep_assert", "lockdep_assert_once", "ASSERT"})
TRANSPARENT = frozenset({"likely", "unlikely"})
# The assertions of KUnit, whose second argument must hold, or must not, for the test to go on (include/kunit/test.h).
KUNIT_ASSERTIONS = {
    "KUNIT_ASSERT_TRUE": True,
    "KUNIT_ASSERT_FALSE": False,
    "KUNIT_ASSERT_NOT_NULL": True,
    "KUNIT_ASSERT_NULL": False,
    "KUNIT_ASSERT_NOT_ERR_OR_NULL": True,
}

_LOCKING_WORDS = frozenset({"lock", "unlock", "trylock", "relock", "irqsave", "irqrestore"})
_HARMLESS_WORDS = frozenset(
    {"init", "held", "assert", "is", "class", "name", "contended", "stat", "set", "owner"}
)
_SWITCHING_WORDS = frozenset({"disable", "enable", "save", "restore", "enter", "exit"})
# What a macro in capitals may be called that hides the end of a section.
_LEAVING_WORDS = frozenset({"exit", "leave", "end", "release", "drop", "restore", "return", "out", "done"})
_CONTEXT_WORDS = frozenset({"irq", "irqs", "preempt", "preemption", "bh", "rcu", "local"})


@lru_cache(maxsize=4096)
def effect_of(name: str) -> Effect | None:
    """What a call of this function does; None when it is not one of those known here."""
    return (
        _NAMED.get(name)
        or _ASSERTED.get(name)
        or _lock_effect(name)
        or _rcu_effect(name)
        or _semaphore_effect(name)
        or _sleeping_lock_effect(name)
    )


def guard_effect(lock_class: str) -> Effect | None:
    """What guard(lock_class) does until the end of its scope; None when the class is unknown."""
    name = _GUARDS.get(lock_class)
    effect = effect_of(name) if name else None
    return replace(effect, flags_argument=-2, lock_argument=0) if effect else None


def undo(effect: Effect) -> Effect:
    """What ends an acquire or enter: the effect at the end of a guard's scope."""
    op = {"acquire": "release"}.get(effect.op, effect.op)
    irq = {"off": "on", "save": "restore"}.get(effect.irq, "")
    return replace(
        effect,
        op=op,
        irq=irq,
        preempt=-effect.preempt,
        bottom_halves=-effect.bottom_halves,
        rcu=-effect.rcu,
        srcu=-effect.srcu,
        migration=-effect.migration,
        success="always",
    )


def may_change_context(name: str) -> bool:
    """Whether the name of an unknown function says that it could take or drop a lock or switch interrupts."""
    words = frozenset(name.lower().split("_"))
    if words & _HARMLESS_WORDS:
        return False
    if name.isupper() and words & _LEAVING_WORDS:
        return True
    return bool(words & _LOCKING_WORDS) or bool(words & _SWITCHING_WORDS and words & _CONTEXT_WORDS)
