/* Sleeping and waking: Documentation/memory-barriers.txt, "SLEEP AND WAKE-UP FUNCTIONS". */

void set_current_state(s) { __W(once, current->__state, s); __F(mb); }
void __set_current_state(s) { __W(once, current->__state, s); }
/* a full barrier only if a task is woken, so not in the weakest case */
int wake_up_process(p) { return 0; }
void wait_event(w, c) { while (!(c)) ; }
bool wq_has_sleeper(w) { __F(mb); return __R(once, w->head); }
bool waitqueue_active(w) { return __R(once, w->head); }
void prepare_to_wait(w, e, s) { __W(once, w->head, 1); __F(mb); }
/* include/linux/seqlock.h, with the writer's fences of write_seqcount_begin() and _end() */
unsigned read_seqcount_begin(s) { unsigned q = __R(once, s->sequence); __F(rmb); return q; }
bool read_seqcount_retry(s, q) { __F(rmb); return __R(once, s->sequence) != q; }
unsigned raw_read_seqcount(s) { unsigned q = __R(once, s->sequence); __F(rmb); return q; }
void write_seqcount_begin(s) { __W(plain, s->sequence, __R(plain, s->sequence) + 1); __F(wmb); }
void write_seqcount_end(s) { __F(wmb); __W(plain, s->sequence, __R(plain, s->sequence) + 1); }
bool list_empty(h) { return __R(once, h->next) == h; }
