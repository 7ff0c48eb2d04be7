/*
 * What is accessed through helpers, for the question who accesses the same memory in which order: memory by address,
 * lists, CPU masks, wait queues. __whole(p) is all that a pointer leads to, by its type. Accesses are plain, as
 * ordered as the weakest architecture has them. Scenarios do not read this file.
 */

void memset(p, c, n) { __W(plain, __whole(p), c); }
void memset32(p, c, n) { __W(plain, __whole(p), c); }
void memzero_explicit(p, n) { __W(plain, __whole(p), 0); }
void memset_after(p, c, m) { __W(plain, __whole(p), c); }
void memset_startat(p, c, m) { __W(plain, __whole(p), c); }
void bitmap_zero(p, n) { __W(plain, __whole(p), 0); }
void bitmap_fill(p, n) { __W(plain, __whole(p), 1); }
void bitmap_copy(d, s, n) { int v = __R(plain, __whole(s)); __W(plain, __whole(d), v); }
void memcpy(d, s, n) { int v = __R(plain, __whole(s)); __W(plain, __whole(d), v); }
void memmove(d, s, n) { int v = __R(plain, __whole(s)); __W(plain, __whole(d), v); }
void __memcpy(d, s, n) { int v = __R(plain, __whole(s)); __W(plain, __whole(d), v); }
void unsafe_memcpy(d, s, n, j) { int v = __R(plain, __whole(s)); __W(plain, __whole(d), v); }
void ether_addr_copy(d, s) { int v = __R(plain, __whole(s)); __W(plain, __whole(d), v); }
void memcpy_and_pad(d, n, s, l, p) { int v = __R(plain, __whole(s)); __W(plain, __whole(d), v); }
void strscpy_pad(d, s, n) { int v = __R(plain, __whole(s)); __W(plain, __whole(d), v); }
void strlcpy(d, s, n) { int v = __R(plain, __whole(s)); __W(plain, __whole(d), v); }
int snprintf(d, n, f) { __W(plain, __whole(d), 1); return __choice(); }
int scnprintf(d, n, f) { __W(plain, __whole(d), 1); return __choice(); }
int sprintf(d, f) { __W(plain, __whole(d), 1); return __choice(); }
void get_random_bytes(p, n) { __W(plain, __whole(p), 1); }
void uuid_gen(p) { __W(plain, __whole(p), 1); }
void guid_gen(p) { __W(plain, __whole(p), 1); }
void guid_copy(d, s) { int v = __R(plain, __whole(s)); __W(plain, __whole(d), v); }
void uuid_copy(d, s) { int v = __R(plain, __whole(s)); __W(plain, __whole(d), v); }
void import_guid(d, s) { int v = __R(plain, __whole(s)); __W(plain, __whole(d), v); }
void export_guid(d, s) { int v = __R(plain, __whole(s)); __W(plain, __whole(d), v); }
int skb_copy_bits(s, o, d, n) { __W(plain, __whole(d), 1); return __choice(); }
unsigned long copy_from_iter(d, n, i) { __W(plain, __whole(d), 1); return __choice(); }
unsigned long copy_to_iter(s, n, i) { return __R(plain, __whole(s)); }
bool copy_from_iter_full(d, n, i) { __W(plain, __whole(d), 1); return __choice(); }
void sg_init_table(p, n) { __W(plain, __whole(p), 1); }
void strscpy(d, s, n) { int v = __R(plain, __whole(s)); __W(plain, __whole(d), v); }
void strcpy(d, s) { int v = __R(plain, __whole(s)); __W(plain, __whole(d), v); }
void strncpy(d, s, n) { int v = __R(plain, __whole(s)); __W(plain, __whole(d), v); }
int memcmp(a, b, n) { int v = __R(plain, __whole(a)); return v + __R(plain, __whole(b)); }
unsigned long copy_from_user(d, s, n) { __W(plain, __whole(d), 1); return __choice(); }
unsigned long copy_to_user(d, s, n) { return __R(plain, __whole(s)); }
void memcpy_fromio(d, s, n) { __W(plain, __whole(d), 1); }
void memcpy_toio(d, s, n) { int v = __R(plain, __whole(s)); }
void swap(a, b) { int v = __R(plain, a); __W(plain, a, __R(plain, b)); __W(plain, b, v); }

/* include/linux/list.h, rculist.h: a list is its head, an entry its node; what links is written last */
void INIT_LIST_HEAD(h) { __W(once, h->next, 0); }
void list_add(n, h) { __W(plain, n->next, 1); __W(once, h->next, 1); }
void list_add_tail(n, h) { __W(plain, n->next, 1); __W(once, h->next, 1); }
void list_del(n) { __W(once, n->next, 0); }
void list_del_init(n) { __W(once, n->next, 0); }
void __list_del_entry(n) { __W(once, n->next, 0); }
void list_del_init_careful(n) { __W(release, n->next, 0); }
void list_move(n, h) { __W(plain, n->next, 1); __W(once, h->next, 1); }
void list_move_tail(n, h) { __W(plain, n->next, 1); __W(once, h->next, 1); }
void list_splice(l, h) { __W(once, h->next, 1); }
void list_splice_tail(l, h) { __W(once, h->next, 1); }
void list_splice_init(l, h) { __W(once, h->next, 1); __W(once, l->next, 0); }
void list_splice_tail_init(l, h) { __W(once, h->next, 1); __W(once, l->next, 0); }
bool list_empty(h) { return __R(once, h->next) == 0; }
bool list_empty_careful(h) { return __R(acquire, h->next) == 0; }
void list_add_rcu(n, h) { __W(plain, n->next, 1); __W(release, h->next, 1); }
void list_add_tail_rcu(n, h) { __W(plain, n->next, 1); __W(release, h->next, 1); }
void list_del_rcu(n) { __W(once, n->next, 0); }
void hlist_add_head(n, h) { __W(plain, n->next, 1); __W(once, h->first, 1); }
void hlist_add_head_rcu(n, h) { __W(plain, n->next, 1); __W(release, h->first, 1); }
void hlist_del(n) { __W(once, n->next, 0); }
void hlist_del_rcu(n) { __W(once, n->next, 0); }
void hlist_del_init(n) { __W(once, n->next, 0); }
void hlist_del_init_rcu(n) { __W(once, n->next, 0); }
bool hlist_empty(h) { return __R(once, h->first) == 0; }
bool hlist_unhashed(n) { return __R(plain, n->pprev) == 0; }
bool llist_add(n, h) { __W(plain, n->next, 1); return __X(xchg, full, h->first, 1) == 0; }
bool llist_empty(h) { return __R(once, h->first) == 0; }
int llist_del_all(h) { return __X(xchg, full, h->first, 0); }
bool skb_queue_empty(q) { return __R(plain, q->next) == 0; }
bool skb_queue_empty_lockless(q) { return __R(once, q->next) == 0; }
int skb_queue_len(q) { return __R(plain, q->qlen); }
int skb_queue_len_lockless(q) { return __R(once, q->qlen); }
void __skb_queue_tail(q, s) { __W(once, q->next, 1); __W(once, q->qlen, 1); }
void __skb_queue_head(q, s) { __W(once, q->next, 1); __W(once, q->qlen, 1); }

/* include/linux/cpumask.h: atomic on the word of the CPU, the __ ones plain */
void cpumask_set_cpu(c, m) { __X(or, noreturn, __whole(m), 1); }
void cpumask_clear_cpu(c, m) { __X(andnot, noreturn, __whole(m), 1); }
void __cpumask_set_cpu(c, m) { __W(plain, __whole(m), 1); }
void __cpumask_clear_cpu(c, m) { __W(plain, __whole(m), 0); }
bool cpumask_test_cpu(c, m) { return __R(once, __whole(m)); }
bool cpumask_test_and_set_cpu(c, m) { return __X(or, full, __whole(m), 1); }
bool cpumask_test_and_clear_cpu(c, m) { return __X(andnot, full, __whole(m), 1); }
void cpumask_clear(m) { __W(plain, __whole(m), 0); }
void cpumask_copy(d, s) { int v = __R(plain, __whole(s)); __W(plain, __whole(d), v); }
bool cpumask_empty(m) { return __R(plain, __whole(m)) == 0; }
int cpumask_first(m) { return __R(plain, __whole(m)); }
int cpumask_any(m) { return __R(plain, __whole(m)); }
int cpumask_weight(m) { return __R(plain, __whole(m)); }

/* bits of a mask of several words: the whole array is one location */
int find_first_bit(p, n) { return __R(once, __whole(p)); }
int find_next_bit(p, n, o) { return __R(once, __whole(p)); }
int find_first_zero_bit(p, n) { return __R(once, __whole(p)); }
int find_next_zero_bit(p, n, o) { return __R(once, __whole(p)); }
/* a bit that has a name is a location of its own: two bits of a word are not the same memory to a protocol */
bool test_bit(n, p) { return __R(once, __bit(n, *p)) != 0; }
bool test_bit_acquire(n, p) { return __R(acquire, __bit(n, *p)) != 0; }
void set_bit(n, p) { __X(or, noreturn, __bit(n, *p), 1); }
void clear_bit(n, p) { __X(andnot, noreturn, __bit(n, *p), 1); }
void __set_bit(n, p) { __W(plain, __bit(n, *p), 1); }
void __clear_bit(n, p) { __W(plain, __bit(n, *p), 0); }
void clear_bit_unlock(n, p) { __X(andnot, release, __bit(n, *p), 1); }
void __clear_bit_unlock(n, p) { __W(release, __bit(n, *p), 0); }
void change_bit(n, p) { __X(xor, noreturn, __bit(n, *p), 1); }
bool test_and_set_bit(n, p) { return __X(or, full, __bit(n, *p), 1) != 0; }
bool test_and_clear_bit(n, p) { return __X(andnot, full, __bit(n, *p), 1) != 0; }
bool test_and_change_bit(n, p) { return __X(xor, full, __bit(n, *p), 1) != 0; }
bool test_and_set_bit_lock(n, p) { return __X(or, acquire, __bit(n, *p), 1) != 0; }
bool clear_bit_unlock_is_negative_byte(n, p) { return __X(andnot, release, __bit(n, *p), 1) < 0; }
void assign_bit(n, p, v) { if (v) set_bit(n, p); else clear_bit(n, p); }

/* include/linux/refcount.h, kref.h */
void refcount_set(r, n) { __W(once, r->refs, n); }
void refcount_add(i, r) { __X(add, noreturn, r->refs, i); }
void refcount_dec(r) { __X(sub, release, r->refs, 1); }
bool refcount_inc_not_zero(r) { int o = __R(once, r->refs); return o != 0 && __C(relaxed, r->refs, o, o + 1) == o; }
bool refcount_dec_and_lock(r, l) { int o = __X(sub, release, r->refs, 1); if (o == 1) { __F(rmb); __lock(l); } return o == 1; }
bool refcount_sub_and_test(i, r) { int o = __X(sub, release, r->refs, i); if (o == i) __F(rmb); return o == i; }
void kref_init(k) { __W(once, k->refcount.refs, 1); }
void kref_get(k) { __X(add, noreturn, k->refcount.refs, 1); }
bool kref_get_unless_zero(k) { int o = __R(once, k->refcount.refs); return o != 0 && __C(relaxed, k->refcount.refs, o, o + 1) == o; }
bool kref_put(k, f) { int o = __X(sub, release, k->refcount.refs, 1); if (o == 1) { __F(rmb); f(k); } return o == 1; }

/* Documentation/memory-barriers.txt: between CPUs at least the smp_ forms */
void dma_mb(void) { __F(mb); }
void dma_rmb(void) { __F(rmb); }
void dma_wmb(void) { __F(wmb); }
void virt_mb(void) { __F(mb); }
void virt_rmb(void) { __F(rmb); }
void virt_wmb(void) { __F(wmb); }
void virt_store_mb(l, x) { __W(once, l, x); __F(mb); }
same_t cpu_to_be16(x) { return x; }
same_t cpu_to_be32(x) { return x; }
same_t cpu_to_be64(x) { return x; }
same_t cpu_to_le16(x) { return x; }
same_t cpu_to_le32(x) { return x; }
same_t cpu_to_le64(x) { return x; }
same_t be16_to_cpu(x) { return x; }
same_t be32_to_cpu(x) { return x; }
same_t be64_to_cpu(x) { return x; }
same_t le16_to_cpu(x) { return x; }
same_t le32_to_cpu(x) { return x; }
same_t le64_to_cpu(x) { return x; }
same_t htons(x) { return x; }
same_t htonl(x) { return x; }
same_t ntohs(x) { return x; }
same_t ntohl(x) { return x; }

/* include/linux/netdevice.h, net/core/dev.c: a driver stops and wakes its queues by one bit of each */
void netif_tx_stop_queue(q) { set_bit(__QUEUE_STATE_DRV_XOFF, &q->state); }
void netif_tx_start_queue(q) { clear_bit(__QUEUE_STATE_DRV_XOFF, &q->state); }
void netif_tx_wake_queue(q) { test_and_clear_bit(__QUEUE_STATE_DRV_XOFF, &q->state); }
bool netif_tx_queue_stopped(q) { return test_bit(__QUEUE_STATE_DRV_XOFF, &q->state); }
void netif_stop_queue(d) { netif_tx_stop_queue(d->_tx); }
void netif_start_queue(d) { netif_tx_start_queue(d->_tx); }
void netif_wake_queue(d) { netif_tx_wake_queue(d->_tx); }
bool netif_queue_stopped(d) { return netif_tx_queue_stopped(d->_tx); }
void netif_stop_subqueue(d, i) { netif_tx_stop_queue(d->_tx); }
void netif_start_subqueue(d, i) { netif_tx_start_queue(d->_tx); }
void netif_wake_subqueue(d, i) { netif_tx_wake_queue(d->_tx); }
bool __netif_subqueue_stopped(d, i) { return netif_tx_queue_stopped(d->_tx); }
same_t READ_ONCE_NOCHECK(l) { return __R(once, l); }
same_t rcu_dereference_protected(l, c) { return __R(plain, l); }
same_t rcu_dereference_rtnl(l) { return __R(once, l); }
same_t rtnl_dereference(l) { return __R(plain, l); }
same_t unrcu_pointer(l) { return l; }

/*
 * Sleeping and waking, "SLEEP AND WAKE-UP FUNCTIONS": a waiter queues itself under the queue's lock and has a full
 * barrier before it looks; a waker looks at the queue under its lock, at a task behind a full barrier. A wait looks
 * again until its condition holds: only the look behind the barrier can leave it asleep.
 */
void set_current_state(s) { __W(once, current->__state, s); __F(mb); }
void set_special_state(s) { __W(once, current->__state, s); __F(mb); }
int wake_up_process(p) { __F(mb); return __R(once, p->__state); }
int wake_up_state(p, s) { __F(mb); return __R(once, p->__state); }
void prepare_to_wait(w, e, s) { __lock(w->lock); __W(once, w->head, 1); __unlock(w->lock); __F(mb); }
void prepare_to_wait_exclusive(w, e, s) { __lock(w->lock); __W(once, w->head, 1); __unlock(w->lock); __F(mb); }
void add_wait_queue(w, e) { __lock(w->lock); __W(once, w->head, 1); __unlock(w->lock); }
void finish_wait(w, e) { __W(once, current->__state, 0); }
void wait_event(w, c) { __lock(w.lock); __W(once, w.head, 1); __unlock(w.lock); __F(mb); while (!(c)) ; }
void io_wait_event(w, c) { wait_event(w, c); }
void wait_event_cmd(w, c, a, b) { wait_event(w, c); }
void wait_event_idle(w, c) { wait_event(w, c); }
int wait_event_interruptible(w, c) { wait_event(w, c); return __choice(); }
int wait_event_killable(w, c) { wait_event(w, c); return __choice(); }
int wait_event_freezable(w, c) { wait_event(w, c); return __choice(); }
int wait_event_interruptible_exclusive(w, c) { wait_event(w, c); return __choice(); }
long wait_event_timeout(w, c, t) { wait_event(w, c); return __choice(); }
long wait_event_interruptible_timeout(w, c, t) { wait_event(w, c); return __choice(); }
void wait_event_lock_irq(w, c, l) { __unlock(l); wait_event(w, c); __lock(l); }
void swait_event_exclusive(w, c) { wait_event(w, c); }
void wait_var_event(v, c) { __W(once, v->queue_of_waiters, 1); __F(mb); while (!(c)) ; }
void wake_up_var(v) { __R(plain, v->queue_of_waiters); }
void wake_up_bit(p, n) { __R(plain, p->queue_of_waiters); }
int wait_on_bit(p, n, m) { __W(once, p->queue_of_waiters, 1); __F(mb); while (test_bit(n, p)) ; return 0; }
int wait_on_bit_io(p, n, m) { __W(once, p->queue_of_waiters, 1); __F(mb); while (test_bit(n, p)) ; return 0; }
int wait_on_bit_timeout(p, n, m, t) { __W(once, p->queue_of_waiters, 1); __F(mb); while (test_bit(n, p)) ; return 0; }
bool wq_has_sleeper(w) { __F(mb); return __R(once, w->head); }
bool wq_has_single_sleeper(w) { return __R(once, w->head); }
bool waitqueue_active(w) { return __R(once, w->head); }
bool swait_active(w) { return __R(once, w->head); }
bool swq_has_sleeper(w) { __F(mb); return __R(once, w->head); }
void wake_up(w) { __lock(w->lock); __R(once, w->head); __unlock(w->lock); }
void wake_up_all(w) { wake_up(w); }
void wake_up_nr(w, n) { wake_up(w); }
void wake_up_interruptible(w) { wake_up(w); }
void wake_up_interruptible_all(w) { wake_up(w); }
void wake_up_interruptible_sync(w) { wake_up(w); }
void wake_up_poll(w, m) { wake_up(w); }
void wake_up_interruptible_poll(w, m) { wake_up(w); }
void wake_up_locked(w) { __R(once, w->head); }
void swake_up_one(w) { wake_up(w); }
void swake_up_all(w) { wake_up(w); }
void complete(c) { __W(release, c->done, 1); }
void complete_all(c) { __W(release, c->done, 1); }
void wait_for_completion(c) { __R(acquire, c->done); }
long wait_for_completion_timeout(c, t) { return __R(acquire, c->done); }
bool completion_done(c) { return __R(acquire, c->done); }
/* fs/select.c: the poller is queued before it looks, kernel-doc of poll_wait() */
void poll_wait(f, w, p) { __lock(w->lock); __W(once, w->head, 1); __unlock(w->lock); __F(mb); }

/* locks that readers share count as one: what both hold is left alone */
void read_lock(l) { __lock(l); }
void read_unlock(l) { __unlock(l); }
void read_lock_bh(l) { __lock(l); }
void read_unlock_bh(l) { __unlock(l); }
void read_lock_irq(l) { __lock(l); }
void read_unlock_irq(l) { __unlock(l); }
void read_lock_irqsave(l, f) { __lock(l); }
void read_unlock_irqrestore(l, f) { __unlock(l); }
void write_lock(l) { __lock(l); }
void write_unlock(l) { __unlock(l); }
void write_lock_bh(l) { __lock(l); }
void write_unlock_bh(l) { __unlock(l); }
void write_lock_irq(l) { __lock(l); }
void write_unlock_irq(l) { __unlock(l); }
void write_lock_irqsave(l, f) { __lock(l); }
void write_unlock_irqrestore(l, f) { __unlock(l); }
void down_read(l) { __lock(l); }
void up_read(l) { __unlock(l); }
void down(l) { __lock(l); }
void up(l) { __unlock(l); }
int mutex_lock_interruptible(l) { __lock(l); return 0; }
int mutex_lock_killable(l) { __lock(l); return 0; }
void mutex_lock_io(l) { __lock(l); }
int mutex_trylock(l) { __lock(l); return 1; }
int spin_trylock(l) { __lock(l); return 1; }
int down_write_killable(l) { __lock(l); return 0; }
int down_read_killable(l) { __lock(l); return 0; }
void rtnl_lock(void) { __lock(rtnl_mutex); }
void rtnl_unlock(void) { __unlock(rtnl_mutex); }
void mmap_read_lock(m) { __lock(m->mmap_lock); }
void mmap_read_unlock(m) { __unlock(m->mmap_lock); }
void mmap_write_lock(m) { __lock(m->mmap_lock); }
void mmap_write_unlock(m) { __unlock(m->mmap_lock); }
void inode_lock(i) { __lock(i->i_rwsem); }
void inode_unlock(i) { __unlock(i->i_rwsem); }
void lock_sock(s) { __lock(s->sk_lock); }
void release_sock(s) { __unlock(s->sk_lock); }
void rcu_read_lock_trace(void) { __open(rcu); }
void rcu_read_unlock_trace(void) { __close(rcu); }
void synchronize_rcu_tasks(void) { __wait(rcu); }
void synchronize_irq(i) { __F(mb); }
void rcu_barrier(void) { __F(mb); }
void get_task_struct(t) { }
void put_task_struct(t) { }
void pr_warn(f) { }
void pr_err(f) { }
void pr_debug(f) { }
void dev_err(d, f) { }
void dev_warn(d, f) { }
void dev_dbg(d, f) { }
void dev_info(d, f) { }
