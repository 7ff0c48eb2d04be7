"""A barrier whose comment names a partner that cannot pair with it, or a partner that loses its barrier."""

from collections.abc import Iterator

from patchscan.model.scenarios.asked import models
from patchscan.rule import Context, Finding, Rule, Silence


def check(context: Context) -> Iterator[Finding | Silence]:
    """Every added barrier with a pairing comment, and every function that loses a barrier others count on."""
    from patchscan.pairing.said import said_of_barriers

    modelled = tuple(models(context, "barrier-pairing"))
    for file in context.c_files:
        yield from said_of_barriers(context, file, modelled)
    yield from modelled


RULE = Rule(
    name="barrier-pairing",
    summary="A barrier whose named partner cannot pair with it",
    why=(
        "A barrier on one CPU orders nothing for another unless that one has a barrier as well, and the two fit: loads "
        "are ordered against stores, an acquire against a release, and a store before a load needs a full barrier on "
        "both sides. The comment at a barrier names its partner; the rule looks there. A function that loses its "
        "barrier is shown the comments that count on it, wherever in the tree they are. Where a barrier goes or gets "
        "weaker, the other side is looked for: in its own comment, then among the functions of the file that access "
        "the same two locations; a model of both is executed, and spoken of where it was safe before and is not now. "
        "What only the comment says, or an acquire that loses the release of its member, is a warning with its "
        "reason. Of two functions that a new comment pairs both must keep their order. A wait for readers that goes, "
        "and a count to zero that orders no longer, are judged in the same way: who found the object may still use it "
        "when it is freed, or take a reference when the last is gone. An entry of a list that is gone through in RCU "
        "sections is put in by the call with _rcu."
    ),
    source=(
        'Documentation/memory-barriers.txt, "SMP BARRIER PAIRING"; tools/memory-model/Documentation/recipes.txt; '
        'review of "mm: use targeted IPIs for TLB sync with lockless page table walkers" v4 1/3, 2026-02-02'
    ),
    severity="warning",
    confidence="medium",
    check=check,
    bad=(
        """
 static void publish(struct ring *ring)
 {
 	ring->data = 1;
 	/* Pairs with smp_rmb() in consume(). */
 	smp_rmb();
 	ring->ready = 1;
 }
 
 static int consume(struct ring *ring)
 {
 	int ready = READ_ONCE(ring->ready);
 
+	/* Pairs with smp_rmb() in publish(). */
+	smp_rmb(); // want "orders loads only"
 	return ready ? ring->data : 0;
 }
""",
        """
>>> tree lib/reader.c
int consume(struct ring *ring)
{
	int ready = READ_ONCE(ring->ready);

	/* Pairs with smp_wmb() in publish(). */
	smp_rmb();
	return ready ? ring->data : 0;
}
>>> patch lib: publish without a barrier
>>> file lib/writer.c
 void publish(struct ring *ring)
 {
 	ring->data = 1;
-	/* The reader looks at ready first. */
-	smp_wmb();
 	WRITE_ONCE(ring->ready, 1); // want "here consume.. sees ring.ready and not ring.data"
 }
""",
        """
>>> tree lib/reader.c
int consume(struct ring *ring)
{
	int ready = READ_ONCE(ring->ready);

	/* Pairs with the barrier in publish(). */
	smp_rmb();
	return ready ? ring->data : 0;
}
>>> patch lib: a lighter barrier
>>> file lib/writer.c
 void publish(struct ring *ring)
 {
 	ring->data = 1;
-	smp_mb();
+	smp_rmb(); // want "and smp_rmb.. takes its place: who sees ring.ready"
 	WRITE_ONCE(ring->ready, 1);
 }
""",
    ),
    good=(
        """
 static void publish(struct ring *ring)
 {
 	ring->data = 1;
+	/* Pairs with smp_rmb() in consume(). */
+	smp_wmb();
 	WRITE_ONCE(ring->ready, 1);
 }
 
 static int consume(struct ring *ring)
 {
 	int ready = READ_ONCE(ring->ready);
 
+	/* Pairs with smp_wmb() in publish(). */
+	smp_rmb();
 	return ready ? ring->data : 0;
 }
""",
        """
 static void publish(struct ring *ring)
 {
 	ring->data = 1;
+	/* Pairs with smp_load_acquire() in consume(). */
+	smp_store_release(&ring->ready, 1);
 }
 
 static int consume(struct ring *ring)
 {
+	/* Pairs with smp_store_release() in publish(). */
+	return smp_load_acquire(&ring->ready) ? ring->data : 0;
 }
""",
        """
>>> tree lib/reader.c
int consume(struct ring *ring)
{
	/* Pairs with smp_wmb() in publish(). */
	return smp_load_acquire(&ring->ready) ? ring->data : 0;
}
>>> patch lib: publish with release
>>> file lib/writer.c
 void publish(struct ring *ring)
 {
 	ring->data = 1;
-	smp_wmb();
-	WRITE_ONCE(ring->ready, 1);
+	smp_store_release(&ring->ready, 1);
 }
""",
        """
 static bool wait_for_walk(struct walk *walk)
 {
+	/* Pairs with the barrier in walk_begin(), which is in assembly. */
+	smp_rmb();
 	return READ_ONCE(walk->active);
 }
""",
    ),
)
