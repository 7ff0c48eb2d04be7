/*
 * Memory that goes back to its allocator, for the question whether somebody may still use it: all that the pointer
 * leads to is gone. A list is known by the member that links its entries: who takes one out unpublishes it there.
 */

void kfree(p) { __W(once, __whole(p), FREED); }
void kvfree(p) { __W(once, __whole(p), FREED); }
void vfree(p) { __W(once, __whole(p), FREED); }
void kfree_sensitive(p) { __W(once, __whole(p), FREED); }
void kmem_cache_free(c, p) { __W(once, __whole(p), FREED); }
void kfree_rcu(p, f) { __after(rcu, kfree, p); }
void kvfree_rcu(p, f) { __after(rcu, kfree, p); }
void kfree_rcu_mightsleep(p) { __wait(rcu); kfree(p); }
void kvfree_rcu_mightsleep(p) { __wait(rcu); kfree(p); }
void list_del(n) { __W(once, n->taken_out, 1); }
void list_del_init(n) { __W(once, n->taken_out, 1); }
void hlist_del(n) { __W(once, n->taken_out, 1); }
void hlist_del_init(n) { __W(once, n->taken_out, 1); }
void list_del_rcu(n) { __W(once, n->taken_out, 1); }
void hlist_del_rcu(n) { __W(once, n->taken_out, 1); }
void hlist_del_init_rcu(n) { __W(once, n->taken_out, 1); }
