/* Memory goes back to its allocator: whoever still has a pointer or a translation to it uses freed memory. */

void __free_page(p) { __W(once, *p, FREED); }
void free_page(p) { __W(once, *p, FREED); }
void __free_pages(p, o) { __W(once, *p, FREED); }
void free_unref_page(p, o) { __W(once, *p, FREED); }
void put_page(p) { __W(once, *p, FREED); }
void kfree(p) { __W(once, *p, FREED); }
