"""The Linux kernel memory model, as of Linux 6.12.

The definitions stand in the order and under the names of tools/memory-model/linux-kernel.bell and
linux-kernel.cat (`-` in a name is `_` here), which are explained in
tools/memory-model/Documentation/explanation.txt. How to read the operators is said in relations.py. A set
or relation with a capital letter or without a definition here is given with the execution: executions.py
says which event belongs to which set.

What lock.cat says is in the events themselves: taking a lock is a read (LKR) that finds 0 and a write (LKW)
of 1, releasing it (UL) a write of 0, a failed trylock or a true spin_is_locked() (LF) a read of 1, a false
one (RU) a read of 0. Coherence and the atomicity of read-modify-writes then leave exactly lock.cat's
executions.

SPDX-License-Identifier: GPL-2.0-or-later. The definitions follow linux-kernel.cat, which is GPL-2.0+ and
copyright (C) 2015 Jade Alglave, 2016 Luc Maranget for Inria, 2017 Alan Stern and Andrea Parri.
"""

from __future__ import annotations

from patchscan.basics.record import frozen
from patchscan.lkmm.memory.relations import (
    Base,
    BaseSet,
    EventSet,
    Relation,
    fixpoint,
    identity,
    inverse,
    maybe,
    star,
)

# Given with the execution

po = Base("po", transitive=True)
rf, co = Base("rf", static=False), Base("co", static=False)
loc, int_, ext, id_ = Base("loc"), Base("int"), Base("ext"), Base("id", transitive=True)
rmw = Base("rmw")

R, W, M, IW = BaseSet("R"), BaseSet("W"), BaseSet("M"), BaseSet("IW")
RMW, Plain, Marked = BaseSet("RMW"), BaseSet("Plain"), BaseSet("Marked")
Acquire, Release, Noreturn = BaseSet("Acquire"), BaseSet("Release"), BaseSet("Noreturn")
LKR, LKW, UL = BaseSet("LKR"), BaseSet("LKW"), BaseSet("UL")
Mb, Rmb, Wmb, Barrier = BaseSet("Mb"), BaseSet("Rmb"), BaseSet("Wmb"), BaseSet("Barrier")
Before_atomic, After_atomic = BaseSet("Before-atomic"), BaseSet("After-atomic")
After_spinlock, After_unlock_lock = BaseSet("After-spinlock"), BaseSet("After-unlock-lock")
After_srcu_read_unlock = BaseSet("After-srcu-read-unlock")
Rcu_lock, Rcu_unlock, Sync_rcu = BaseSet("Rcu-lock"), BaseSet("Rcu-unlock"), BaseSet("Sync-rcu")
Srcu_lock, Srcu_unlock, Sync_srcu = BaseSet("Srcu-lock"), BaseSet("Srcu-unlock"), BaseSet("Sync-srcu")


def fencerel(fence: EventSet) -> Relation:
    """Events with such a fence between them."""
    return po @ fence @ po


# linux-kernel.bell: read-side critical sections, and dependencies carried through plain accesses

rcu_rscs = Base("rcu-rscs")  # each rcu_read_lock() with its matching, innermost, rcu_read_unlock()

_direct_addr, _direct_ctrl, _direct_data = Base("addr"), Base("ctrl"), Base("data")

carry_srcu_data = star(_direct_data @ ~Srcu_unlock @ rf)
srcu_rscs = (Srcu_lock @ carry_srcu_data @ _direct_data @ Srcu_unlock) & loc

rfe, rfi = rf & ext, rf & int_

carry_dep = star(_direct_data @ ~Srcu_unlock @ rfi)
addr = carry_dep @ _direct_addr
ctrl = carry_dep @ _direct_ctrl
data = carry_dep @ _direct_data

# Basic relations: release, acquire, fences

acq_po = Acquire @ po @ M
po_rel = M @ po @ Release
po_unlock_lock_po = po @ UL @ (po | rf) @ LKR @ po

R4rmb = R - Noreturn  # reads for which smp_rmb() works
rmb = R4rmb @ fencerel(Rmb) @ R4rmb
wmb = W @ fencerel(Wmb) @ W
mb = (
    (M @ fencerel(Mb) @ M)
    | (M @ fencerel(Before_atomic) @ RMW @ maybe(po) @ M)
    | (M @ maybe(po) @ RMW @ fencerel(After_atomic) @ M)
    | (M @ maybe(po) @ LKW @ fencerel(After_spinlock) @ M)
    # The fence orders after it what the CPUs that handed the lock over, one to the next, had seen before.
    | (M @ po_unlock_lock_po @ After_unlock_lock @ po @ M)
    | (M @ maybe(po) @ Srcu_unlock @ fencerel(After_srcu_read_unlock) @ M)
)
gp = po @ (Sync_rcu | Sync_srcu) @ maybe(po)
strong_fence = mb | gp

nonrw_fence = strong_fence | po_rel | acq_po
fence = nonrw_fence | wmb | rmb
compiler_barriers = (
    Barrier | Rmb | Wmb | Mb | Sync_rcu | Sync_srcu | Before_atomic | After_atomic
    | Acquire | Release | Rcu_lock | Rcu_unlock | Srcu_lock | Srcu_unlock
)  # fmt: skip
barrier = fencerel(compiler_barriers) | po @ Release | Acquire @ po

# Fundamental coherence ordering: each variable on its own is sequentially consistent

fr = Base("fr", static=False)  # inverse(rf) @ co: a read, and the writes that overwrite what it read
com = rf | co | fr
po_loc = po & loc
coherence = po_loc | com
atomic = rmw & ((fr & ext) @ (co & ext))

# Instruction execution ordering: preserved program order

dep = addr | data
rwdep = (dep | ctrl) @ W
overwrite = co | fr
to_w = rwdep | (overwrite & int_) | (addr @ Plain @ wmb)
to_r = (addr @ R) | (dep @ Marked @ rfi)
ppo = to_r | to_w | (fence & int_) | (po_unlock_lock_po & int_)

# Propagation: ordering from release operations and strong fences


def A_cumul(relation: Relation) -> Relation:
    return maybe(rfe @ Marked) @ relation


rmw_sequence = star(rf @ rmw)
cumul_fence = Marked @ (A_cumul(strong_fence | po_rel) | wmb | po_unlock_lock_po) @ Marked @ rmw_sequence
cumul_fences = star(cumul_fence)
prop = Marked @ maybe(overwrite & ext) @ (cumul_fences @ Marked @ maybe(rfe) @ Marked)

# Happens before: ordering from the passage of time

hb = Marked @ (ppo | rfe | ((prop - id_) & int_)) @ Marked
happens_before = hb

# Write and fence propagation ordering: each non-rf link needs a strong fence

hbs = star(hb)
pb = prop @ strong_fence @ hbs @ Marked
pbs = star(pb)
propagation = pb

# RCU: effects of a read-side critical section proceed from its unlock backwards and from its lock forwards

rcu_gp = identity(Sync_rcu)
srcu_gp = identity(Sync_srcu)
rcu_rscsi = inverse(rcu_rscs)
srcu_rscsi = inverse(srcu_rscs)

# Only links that start where rcu-order ends are ever taken: at a grace period, or at the lock of a section.
order_ends = Sync_rcu | Sync_srcu | Rcu_lock | Srcu_lock
rcu_link = order_ends @ maybe(po) @ hbs @ pbs @ prop @ po

# A sequence with at least as many grace periods as read-side critical sections orders like a strong fence
# between CPUs. For SRCU both must name the same srcu_struct, hence "& loc".
rcu_order = fixpoint(
    lambda rcu_order: (
        rcu_gp
        | srcu_gp
        | (rcu_gp @ rcu_link @ rcu_rscsi)
        | ((srcu_gp @ rcu_link @ srcu_rscsi) & loc)
        | (rcu_rscsi @ rcu_link @ rcu_gp)
        | ((srcu_rscsi @ rcu_link @ srcu_gp) & loc)
        | (rcu_gp @ rcu_link @ rcu_order @ rcu_link @ rcu_rscsi)
        | ((srcu_gp @ rcu_link @ rcu_order @ rcu_link @ srcu_rscsi) & loc)
        | (rcu_rscsi @ rcu_link @ rcu_order @ rcu_link @ rcu_gp)
        | ((srcu_rscsi @ rcu_link @ rcu_order @ rcu_link @ srcu_gp) & loc)
        | (rcu_order @ rcu_link @ rcu_order)
    )
)
rcu_fence = po @ rcu_order @ maybe(po)

rb = prop @ rcu_fence @ hbs @ pbs @ Marked

# From here on a grace period counts as a fence between CPUs as well.

fence_or_rcu = fence | rcu_fence
strong_fence_or_rcu = strong_fence | rcu_fence

# Plain accesses and data races

xbstar = star(hb | pb | rb)
vis = cumul_fences @ maybe(rfe) @ Marked @ ((strong_fence_or_rcu @ Marked @ xbstar) | (xbstar & int_))

# Boundaries for the lifetimes of plain accesses
w_pre_bounded = Marked @ maybe(addr | fence_or_rcu)
r_pre_bounded = Marked @ maybe(addr | nonrw_fence | (R4rmb @ fencerel(Rmb) @ ~Noreturn))
w_post_bounded = maybe(fence_or_rcu) @ Marked @ rmw_sequence
r_post_bounded = maybe(nonrw_fence | (~Noreturn @ fencerel(Rmb) @ R4rmb)) @ Marked

# Visibility and executes-before for plain accesses
ww_vis = (
    fence_or_rcu | (strong_fence_or_rcu @ xbstar @ w_pre_bounded) | (w_post_bounded @ vis @ w_pre_bounded)
)
wr_vis = (
    fence_or_rcu | (strong_fence_or_rcu @ xbstar @ r_pre_bounded) | (w_post_bounded @ vis @ r_pre_bounded)
)
rw_xbstar = fence_or_rcu | (r_post_bounded @ xbstar @ w_pre_bounded)

# Potential races
pre_race = ext & ((Plain * M) | ((M - IW) * Plain))

# Coherence requirements for plain accesses
wr_incoh = pre_race & rf & inverse(rw_xbstar)
rw_incoh = pre_race & fr & inverse(wr_vis)
ww_incoh = pre_race & co & inverse(ww_vis)
plain_coherence = wr_incoh | rw_incoh | ww_incoh

# Actual races
ww_nonrace = ww_vis & ((Marked * W) | rw_xbstar) & ((W * Marked) | wr_vis)
ww_race = (pre_race & co) - ww_nonrace
wr_race = ((pre_race & (maybe(co) @ rf)) - wr_vis) - inverse(rw_xbstar)
rw_race = (pre_race & fr) - rw_xbstar
data_race = ww_race | wr_race | rw_race


@frozen
class Axiom:
    """A demand on every execution: `relation` is "acyclic", "irreflexive" or "empty".

    only_with: the axiom says nothing in an execution without such events.
    """

    name: str
    demand: str
    relation: Relation
    only_with: EventSet | None = None


# Every execution of the solver is coherent and atomic by construction; search and replay check it here.
COHERENCE = (Axiom("coherence", "acyclic", coherence), Axiom("atomic", "empty", atomic))
AXIOMS = (
    Axiom("happens-before", "acyclic", happens_before),
    Axiom("propagation", "acyclic", propagation),
    Axiom("rcu", "irreflexive", rb, Sync_rcu | Sync_srcu),
    Axiom("plain-coherence", "empty", plain_coherence, Plain),
)
