/*
 * What kernel APIs do to memory and to readers, in terms of the builtins of the model:
 *
 *   __R(order, lvalue)               a read: once, plain, acquire
 *   __U(order, lvalue, condition)    a read, repeated until a condition over VAL holds
 *   __W(order, lvalue, value)        a write: once, plain, release
 *   __X(op, order, lvalue, operand)  read-modify-write, gives the old value; op: xchg, add, sub, or, andnot, and
 *   __C(order, lvalue, old, new)     compare-exchange, gives the old value
 *   __F(kind)                        a fence
 *   __open(domain[, of]) __close(domain[, of])  a reader section of this CPU; of: the structure it belongs to
 *   __wait(domain[, cpu])            wait for the sections that are open (on that CPU)
 *   __wait_for(domain, of)           wait for the sections that belong to a structure
 *   __ipi(cpu, function, info, wait) an interrupt: waits for the irq section, runs function there
 *   __flush(domain)                  as __wait, on the CPU that runs it (an interrupt handler's: the target)
 *   __after(domain, function, head[, of])  call function(head) when the open sections have closed
 *   __assuming("...")                say so with a verdict on a reader that comes here
 *   __lock(l) __unlock(l)            a lock
 *   __one_cpu()                      the number of one CPU, nobody knows of which
 *   __self() __pcpu(variable, cpu) __choice() __irqs()
 *
 * Parameters are bound as written. The result type same_t is that of the first argument, pointee_t that of what
 * it points to. Orders are the weakest that any architecture has. Sources: tools/memory-model/linux-kernel.def
 * and Documentation/memory-barriers.txt, 6.12, where no other is named.
 */

same_t READ_ONCE(l) { return __R(once, l); }
void WRITE_ONCE(l, x) { __W(once, l, x); }
same_t data_race(l) { return l; }
pointee_t smp_load_acquire(p) { return __R(acquire, *p); }
void smp_store_release(p, x) { __W(release, *p, x); }
void smp_store_mb(l, x) { __W(once, l, x); __F(mb); }
void smp_mb(void) { __F(mb); }
void smp_rmb(void) { __F(rmb); }
void smp_wmb(void) { __F(wmb); }
/* mb() and friends order devices too; between CPUs they are at least their smp_ forms */
void mb(void) { __F(mb); }
void rmb(void) { __F(rmb); }
void wmb(void) { __F(wmb); }
void barrier(void) { }
void smp_mb__before_atomic(void) { __F(before_atomic); }
void smp_mb__after_atomic(void) { __F(after_atomic); }
void smp_mb__after_spinlock(void) { __F(after_spinlock); }
void smp_mb__after_unlock_lock(void) { __F(after_unlock_lock); }
/* include/asm-generic/barrier.h: the control dependency with this makes an acquire */
void smp_acquire__after_ctrl_dep(void) { __F(rmb); }
pointee_t smp_cond_load_acquire(p, c) { return __U(acquire, *p, c); }
pointee_t smp_cond_load_relaxed(p, c) { return __U(once, *p, c); }

/* Documentation/RCU/rcu_dereference.rst */
same_t rcu_dereference(l) { return __R(once, l); }
same_t rcu_dereference_bh(l) { return __R(once, l); }
same_t rcu_dereference_sched(l) { return __R(once, l); }
same_t rcu_dereference_check(l, c) { return __R(once, l); }
same_t rcu_dereference_raw(l) { return __R(once, l); }
same_t rcu_dereference_protected(l, c) { return __R(plain, l); }
same_t rcu_access_pointer(l) { return __R(once, l); }
void rcu_assign_pointer(l, x) { __W(release, l, x); }
void RCU_INIT_POINTER(l, x) { __W(once, l, x); }
same_t rcu_replace_pointer(l, x, c) { same_t o = __R(plain, l); __W(release, l, x); return o; }

/* Documentation/atomic_t.txt */
pointee_t xchg(p, x) { return __X(xchg, full, *p, x); }
pointee_t xchg_relaxed(p, x) { return __X(xchg, relaxed, *p, x); }
pointee_t xchg_acquire(p, x) { return __X(xchg, acquire, *p, x); }
pointee_t xchg_release(p, x) { return __X(xchg, release, *p, x); }
pointee_t cmpxchg(p, o, n) { return __C(full, *p, o, n); }
pointee_t cmpxchg_relaxed(p, o, n) { return __C(relaxed, *p, o, n); }
pointee_t cmpxchg_acquire(p, o, n) { return __C(acquire, *p, o, n); }
pointee_t cmpxchg_release(p, o, n) { return __C(release, *p, o, n); }
bool try_cmpxchg(p, o, n) { int old = *o; int seen = __C(full, *p, old, n); *o = seen; return seen == old; }

int atomic_read(v) { return __R(once, *v); }
int atomic_read_acquire(v) { return __R(acquire, *v); }
void atomic_set(v, i) { __W(once, *v, i); }
void atomic_set_release(v, i) { __W(release, *v, i); }
void atomic_inc(v) { __X(add, noreturn, *v, 1); }
void atomic_dec(v) { __X(sub, noreturn, *v, 1); }
void atomic_add(i, v) { __X(add, noreturn, *v, i); }
void atomic_sub(i, v) { __X(sub, noreturn, *v, i); }
void atomic_or(i, v) { __X(or, noreturn, *v, i); }
void atomic_and(i, v) { __X(and, noreturn, *v, i); }
void atomic_andnot(i, v) { __X(andnot, noreturn, *v, i); }
int atomic_inc_return(v) { return __X(add, full, *v, 1) + 1; }
int atomic_dec_return(v) { return __X(sub, full, *v, 1) - 1; }
int atomic_add_return(i, v) { return __X(add, full, *v, i) + i; }
int atomic_sub_return(i, v) { return __X(sub, full, *v, i) - i; }
int atomic_inc_return_relaxed(v) { return __X(add, relaxed, *v, 1) + 1; }
int atomic_inc_return_acquire(v) { return __X(add, acquire, *v, 1) + 1; }
int atomic_inc_return_release(v) { return __X(add, release, *v, 1) + 1; }
int atomic_dec_return_relaxed(v) { return __X(sub, relaxed, *v, 1) - 1; }
int atomic_dec_return_release(v) { return __X(sub, release, *v, 1) - 1; }
int atomic_fetch_add(i, v) { return __X(add, full, *v, i); }
int atomic_fetch_sub(i, v) { return __X(sub, full, *v, i); }
int atomic_fetch_inc(v) { return __X(add, full, *v, 1); }
int atomic_fetch_dec(v) { return __X(sub, full, *v, 1); }
int atomic_fetch_add_acquire(i, v) { return __X(add, acquire, *v, i); }
int atomic_fetch_add_release(i, v) { return __X(add, release, *v, i); }
int atomic_fetch_add_relaxed(i, v) { return __X(add, relaxed, *v, i); }
int atomic_fetch_or(i, v) { return __X(or, full, *v, i); }
int atomic_fetch_or_acquire(i, v) { return __X(or, acquire, *v, i); }
int atomic_fetch_or_release(i, v) { return __X(or, release, *v, i); }
int atomic_fetch_andnot(i, v) { return __X(andnot, full, *v, i); }
int atomic_fetch_andnot_acquire(i, v) { return __X(andnot, acquire, *v, i); }
int atomic_fetch_andnot_release(i, v) { return __X(andnot, release, *v, i); }
bool atomic_dec_and_test(v) { return __X(sub, full, *v, 1) == 1; }
bool atomic_inc_and_test(v) { return __X(add, full, *v, 1) == -1; }
bool atomic_sub_and_test(i, v) { return __X(sub, full, *v, i) == i; }
int atomic_xchg(v, x) { return __X(xchg, full, *v, x); }
int atomic_xchg_relaxed(v, x) { return __X(xchg, relaxed, *v, x); }
int atomic_xchg_acquire(v, x) { return __X(xchg, acquire, *v, x); }
int atomic_xchg_release(v, x) { return __X(xchg, release, *v, x); }
int atomic_cmpxchg(v, o, n) { return __C(full, *v, o, n); }
int atomic_cmpxchg_relaxed(v, o, n) { return __C(relaxed, *v, o, n); }
int atomic_cmpxchg_acquire(v, o, n) { return __C(acquire, *v, o, n); }
int atomic_cmpxchg_release(v, o, n) { return __C(release, *v, o, n); }
bool atomic_try_cmpxchg(v, o, n) { int old = *o; int seen = __C(full, *v, old, n); *o = seen; return seen == old; }
bool atomic_try_cmpxchg_relaxed(v, o, n) { int old = *o; int seen = __C(relaxed, *v, old, n); *o = seen; return seen == old; }
bool atomic_try_cmpxchg_acquire(v, o, n) { int old = *o; int seen = __C(acquire, *v, old, n); *o = seen; return seen == old; }
bool atomic_try_cmpxchg_release(v, o, n) { int old = *o; int seen = __C(release, *v, old, n); *o = seen; return seen == old; }

/* a failed conditional operation orders nothing: the value is what decides */
int atomic_cond_read_acquire(v, c) { return __U(acquire, *v, c); }
int atomic_cond_read_relaxed(v, c) { return __U(once, *v, c); }
int atomic_add_return_release(i, v) { return __X(add, release, *v, i) + i; }
int atomic_add_return_acquire(i, v) { return __X(add, acquire, *v, i) + i; }
int atomic_sub_return_release(i, v) { return __X(sub, release, *v, i) - i; }
int atomic_fetch_sub_release(i, v) { return __X(sub, release, *v, i); }
bool atomic_inc_not_zero(v) { int o = __R(once, *v); return o != 0 && __C(full, *v, o, o + 1) == o; }
bool atomic_inc_unless_negative(v) { int o = __R(once, *v); return o >= 0 && __C(full, *v, o, o + 1) == o; }
bool atomic_add_unless(v, a, u) { int o = __R(once, *v); return o != u && __C(full, *v, o, o + a) == o; }

/* include/linux/refcount.h: increments are relaxed, decrements release, the last one also acquires */
int refcount_read(r) { return __R(once, r->refs); }
void refcount_inc(r) { __X(add, noreturn, r->refs, 1); }
bool refcount_dec_and_test(r) { int o = __X(sub, release, r->refs, 1); if (o == 1) __F(rmb); return o == 1; }

/* Documentation/atomic_bitops.txt: value-returning ones are full barriers, the others order nothing */
bool test_bit(n, p) { return (__R(once, *p) & (1 << (n))) != 0; }
bool test_bit_acquire(n, p) { return (__R(acquire, *p) & (1 << (n))) != 0; }
void set_bit(n, p) { __X(or, noreturn, *p, 1 << (n)); }
void clear_bit(n, p) { __X(andnot, noreturn, *p, 1 << (n)); }
void __set_bit(n, p) { __W(plain, *p, __R(plain, *p) | (1 << (n))); }
void clear_bit_unlock(n, p) { __X(andnot, release, *p, 1 << (n)); }
bool test_and_set_bit(n, p) { return (__X(or, full, *p, 1 << (n)) & (1 << (n))) != 0; }
bool test_and_clear_bit(n, p) { return (__X(andnot, full, *p, 1 << (n)) & (1 << (n))) != 0; }
bool test_and_set_bit_lock(n, p) { return (__X(or, acquire, *p, 1 << (n)) & (1 << (n))) != 0; }
