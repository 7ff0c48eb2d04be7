/* CPUs, interrupts, reader sections and ways to wait for them. */

/* per-CPU accesses are plain: include/linux/percpu-defs.h, asm-generic/percpu.h */
same_t this_cpu_read(v) { return __R(plain, __pcpu(v, __self())); }
same_t __this_cpu_read(v) { return __R(plain, __pcpu(v, __self())); }
same_t raw_cpu_read(v) { return __R(plain, __pcpu(v, __self())); }
void this_cpu_write(v, x) { __W(plain, __pcpu(v, __self()), x); }
void __this_cpu_write(v, x) { __W(plain, __pcpu(v, __self()), x); }
void raw_cpu_write(v, x) { __W(plain, __pcpu(v, __self()), x); }
void this_cpu_inc(v) { __W(plain, __pcpu(v, __self()), __R(plain, __pcpu(v, __self())) + 1); }
void this_cpu_dec(v) { __W(plain, __pcpu(v, __self()), __R(plain, __pcpu(v, __self())) - 1); }
/* asm-generic/percpu.h: generic this_cpu_xchg() is a plain exchange with IRQs off, it orders nothing */
same_t this_cpu_xchg(v, x) { same_t o = __R(plain, __pcpu(v, __self())); __W(plain, __pcpu(v, __self()), x); return o; }

int smp_processor_id(void) { return __self(); }
int raw_smp_processor_id(void) { return __self(); }
int get_cpu(void) { __open(rcu); return __self(); }
void put_cpu(void) { __close(rcu); }

/*
 * include/linux/irqflags.h. IRQs off delay an IPI; they delay an RCU grace period too
 * (Documentation/RCU/whatisRCU.rst: regions with interrupts disabled are readers). The section is the
 * whole time in which the flag is off: restore ends it only where the matching save began it.
 */
void local_irq_save(f) { f = __irqs(); __open(irq); __open(rcu); }
void local_irq_restore(f) { if (!f) { __close(rcu); __close(irq); } else __close(rcu); }
void local_irq_disable(void) { __open(irq); __open(rcu); }
void local_irq_enable(void) { __close(rcu); __close(irq); }
void raw_local_irq_save(f) { local_irq_save(f); }
void raw_local_irq_restore(f) { local_irq_restore(f); }
bool irqs_disabled(void) { return __irqs(); }

/* Documentation/RCU: preemption off is a reader section since the flavours were merged (4.20) */
void preempt_disable(void) { __open(rcu); }
void preempt_enable(void) { __close(rcu); }
void preempt_disable_notrace(void) { __open(rcu); }
void preempt_enable_notrace(void) { __close(rcu); }
void rcu_read_lock(void) { __open(rcu); }
void rcu_read_unlock(void) { __close(rcu); }
void rcu_read_lock_sched(void) { __open(rcu); }
void rcu_read_unlock_sched(void) { __close(rcu); }
void rcu_read_lock_bh(void) { __open(rcu); }
void rcu_read_unlock_bh(void) { __close(rcu); }
void synchronize_rcu(void) { __wait(rcu); }
void synchronize_rcu_expedited(void) { __wait(rcu); }
void synchronize_net(void) { __wait(rcu); }
void call_rcu(h, f) { __after(rcu, f, h); }
void call_rcu_hurry(h, f) { __after(rcu, f, h); }
void kfree_rcu(p, f) { __after(rcu, kfree, p); }
/* a counter, so that sections of a CPU nest: Documentation/RCU/whatisRCU.rst */
int srcu_read_lock(s) { __open(srcu, s); return 0; }
void srcu_read_unlock(s, i) { __close(srcu, s); }
void synchronize_srcu(s) { __wait_for(srcu, s); }
void synchronize_srcu_expedited(s) { __wait_for(srcu, s); }
void call_srcu(s, h, f) { __after(srcu, f, h, s); }

/*
 * kernel/smp.c, include/linux/smp.h. smp_call_function*() leave out the calling CPU; on_each_cpu*() call the
 * function there directly, which orders nothing. Without wait nothing after the call is ordered.
 */
void smp_call_function(fn, info, w) { int c; for_each_online_cpu(c) if (c != __self()) __ipi(c, fn, info, w); }
void smp_call_function_many(m, fn, info, w) { int c; for_each_cpu(c, m) if (c != __self()) __ipi(c, fn, info, w); }
void smp_call_function_many_cond(m, fn, info, flags, cond)
{ int c; for_each_cpu(c, m) if (c != __self()) if (!cond || cond(c, info)) __ipi(c, fn, info, flags & 1); }
void on_each_cpu(fn, info, w) { int c; for_each_online_cpu(c) __ipi(c, fn, info, w); }
void on_each_cpu_mask(m, fn, info, w) { int c; for_each_cpu(c, m) __ipi(c, fn, info, w); }
void on_each_cpu_cond(cond, fn, info, w) { int c; for_each_online_cpu(c) if (!cond || cond(c, info)) __ipi(c, fn, info, w); }
void on_each_cpu_cond_mask(cond, fn, info, w, m) { int c; for_each_cpu(c, m) if (!cond || cond(c, info)) __ipi(c, fn, info, w); }
int smp_call_function_single(c, fn, info, w) { __ipi(c, fn, info, w); return 0; }
/* one CPU of the mask, whichever is free: kernel/smp.c */
int smp_call_function_any(m, fn, info, w) { __ipi(__one_cpu(), fn, info, w); return 0; }
unsigned cpumask_first(m) { return __one_cpu(); }
unsigned cpumask_any(m) { return __one_cpu(); }
unsigned cpumask_any_and(m, n) { return __one_cpu(); }
unsigned cpumask_last(m) { return __one_cpu(); }
/* the CPUs on which an address space is in use, where the architecture keeps them */
struct cpumask *mm_cpumask(mm) { return &__cpus_of(mm); }
void kick_all_cpus_sync(void) { int c; for_each_online_cpu(c) if (c != __self()) __ipi(c, 0, 0, 1); }
bool alloc_cpumask_var(m, g) { return __choice(); }
bool zalloc_cpumask_var(m, g) { cpumask_clear(*m); return __choice(); }
void free_cpumask_var(m) { }
struct cpumask *this_cpu_cpumask_var_ptr(m) { return &__pcpu(m, __self()); }

/*
 * Locks. A raw or ordinary spinlock turns preemption off, the irqsave forms turn IRQs off. On PREEMPT_RT only the
 * raw ones do; the others sleep, but their sections are still RCU readers. Documentation/locking/locktypes.rst,
 * kernel/locking/spinlock_rt.c
 */
void spin_lock(l) { __open(rcu); __lock(l); }
void spin_unlock(l) { __unlock(l); __close(rcu); }
void raw_spin_lock(l) { __open(rcu); __lock(l); }
void raw_spin_unlock(l) { __unlock(l); __close(rcu); }
void spin_lock_bh(l) { __open(rcu); __lock(l); }
void spin_unlock_bh(l) { __unlock(l); __close(rcu); }
void raw_spin_lock_irq(l) { __open(irq); __open(rcu); __lock(l); }
void raw_spin_unlock_irq(l) { __unlock(l); __close(rcu); __close(irq); }
void raw_spin_lock_irqsave(l, f) { local_irq_save(f); __lock(l); }
void raw_spin_unlock_irqrestore(l, f) { __unlock(l); local_irq_restore(f); }
#ifdef CONFIG_PREEMPT_RT
void spin_lock_irq(l) { spin_lock(l); }
void spin_unlock_irq(l) { spin_unlock(l); }
void spin_lock_irqsave(l, f) { f = 0; spin_lock(l); }
void spin_unlock_irqrestore(l, f) { spin_unlock(l); }
#else
void spin_lock_irq(l) { __assuming("no PREEMPT_RT, where spin_lock_irq() leaves interrupts on"); __open(irq); __open(rcu); __lock(l); }
void spin_unlock_irq(l) { __unlock(l); __close(rcu); __close(irq); }
void spin_lock_irqsave(l, f) { __assuming("no PREEMPT_RT, where spin_lock_irqsave() leaves interrupts on"); local_irq_save(f); __lock(l); }
void spin_unlock_irqrestore(l, f) { __unlock(l); local_irq_restore(f); }
#endif
void spin_lock_nested(l, n) { __open(rcu); __lock(l); }
void mutex_lock(l) { __sleep(); __lock(l); }
void mutex_unlock(l) { __unlock(l); }
void mutex_lock_nested(l, n) { __sleep(); __lock(l); }
void down_read(l) { __sleep(); }
void up_read(l) { }
void down_write(l) { __sleep(); __lock(l); }
void up_write(l) { __unlock(l); }

/* include/linux/jump_label.h, asm/cpufeature.h: decided at boot, the scenario or a choice says how */
bool static_branch_likely(k) { return __choice(k); }
bool static_branch_unlikely(k) { return __choice(k); }
void static_branch_enable(k) { __turned(k, 1); }
void static_branch_disable(k) { __turned(k, 0); }
void static_branch_inc(k) { __turned(k); }
void static_branch_dec(k) { __turned(k); }
void static_branch_enable_cpuslocked(k) { __turned(k, 1); }
void static_branch_disable_cpuslocked(k) { __turned(k, 0); }
void static_branch_inc_cpuslocked(k) { __turned(k); }
void static_branch_dec_cpuslocked(k) { __turned(k); }
bool cpu_feature_enabled(f) { return f; }
bool boot_cpu_has(f) { return f; }

/*
 * include/linux/cleanup.h and the classes of guards in irqflags.h, preempt.h, rcupdate.h, srcu.h, spinlock.h, mutex.h,
 * rwsem.h: l is what a guard is given, f the flags that it keeps.
 */
void guard(c) { __open(irq); __close(irq); }
void scoped_guard(c) { __open(irq); __close(irq); }
void __guard_irq(l, f) { local_irq_disable(); }
void __unguard_irq(l, f) { local_irq_enable(); }
void __guard_irqsave(l, f) { local_irq_save(f); }
void __unguard_irqsave(l, f) { local_irq_restore(f); }
void __guard_preempt(l, f) { preempt_disable(); }
void __unguard_preempt(l, f) { preempt_enable(); }
void __guard_rcu(l, f) { rcu_read_lock(); }
void __unguard_rcu(l, f) { rcu_read_unlock(); }
void __guard_srcu(l, f) { srcu_read_lock(l); }
void __unguard_srcu(l, f) { srcu_read_unlock(l, f); }
void __guard_spinlock(l, f) { spin_lock(l); }
void __unguard_spinlock(l, f) { spin_unlock(l); }
void __guard_spinlock_bh(l, f) { spin_lock_bh(l); }
void __unguard_spinlock_bh(l, f) { spin_unlock_bh(l); }
void __guard_spinlock_irq(l, f) { spin_lock_irq(l); }
void __unguard_spinlock_irq(l, f) { spin_unlock_irq(l); }
void __guard_spinlock_irqsave(l, f) { spin_lock_irqsave(l, f); }
void __unguard_spinlock_irqsave(l, f) { spin_unlock_irqrestore(l, f); }
void __guard_raw_spinlock(l, f) { raw_spin_lock(l); }
void __unguard_raw_spinlock(l, f) { raw_spin_unlock(l); }
void __guard_raw_spinlock_irq(l, f) { raw_spin_lock_irq(l); }
void __unguard_raw_spinlock_irq(l, f) { raw_spin_unlock_irq(l); }
void __guard_raw_spinlock_irqsave(l, f) { raw_spin_lock_irqsave(l, f); }
void __unguard_raw_spinlock_irqsave(l, f) { raw_spin_unlock_irqrestore(l, f); }
void __guard_mutex(l, f) { mutex_lock(l); }
void __unguard_mutex(l, f) { mutex_unlock(l); }
void __guard_rwsem_read(l, f) { down_read(l); }
void __unguard_rwsem_read(l, f) { up_read(l); }
void __guard_rwsem_write(l, f) { down_write(l); }
void __unguard_rwsem_write(l, f) { up_write(l); }
