"""A patch no longer waits until the readers under RCU are done that may have found what it frees."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from patchscan.rule import ChangedFile, Context, Finding, Function, Rule, Silence, pattern

if TYPE_CHECKING:
    from patchscan.flow.grace import Hurried

_LATER = pattern(r"\b(?:k?v?free_rcu\w*|call_s?rcu\w*|synchronize_\w+|s?rcu_barrier)\s*\(")
_WORD = pattern(r"[A-Za-z_]\w*")
_COMMENT = pattern(r"/\*.*|//.*|^\s*\*\s.*")
# A changelog that speaks of it has a reason.
_EXPLAINS = pattern(
    r"(?i)rcu|grace|reader|synchroni[sz]|\b(?:wait|remov|drop|delet|redundan|unneed|unnecess|needless|superfluous|"
    r"no longer|not needed|no need|never|already|race)"
)


def check(context: Context) -> Iterator[Finding | Silence]:
    """The files that lose such a wait, of a patch that neither brings another one nor takes the readers away."""
    files = [file for file in context.c_files if any(_LATER.search(line.text) for line in file.removed)]
    if not files:
        return
    from patchscan.flow.grace import brings_another

    whole = context.whole
    new = [line.text for file in whole.files for line in file.added]
    added = {word for text in new for word in _WORD.findall(_COMMENT.sub("", text))}
    gone = [line.text for file in whole.files for line in file.removed]
    removed = {word for text in gone for word in _WORD.findall(_COMMENT.sub("", text))}
    if brings_another(added, removed):
        return
    said = any(_EXPLAINS.search(text) for text in (context.patch.title, *context.patch.changelog))
    for file in files:
        for finding in check_file(file):
            yield file.fine(finding.line, "the changelog may say why nobody need wait") if said else finding


def check_file(file: ChangedFile) -> Iterator[Finding]:
    """What the functions of one file no longer wait for."""
    from patchscan.flow.grace import hurried

    for function in file.functions:
        before = file.before_of(function.name)
        if before is None or not (function.whole and before.whole):
            continue
        for each in hurried(function, before, file.removed_numbers, file.added_numbers):
            place = each.place or file.passage.after(each.old).start
            line = next((line for line in sorted(file.touched_numbers) if line >= place), place)
            yield file.finding(line, message(function, each))


def message(function: Function, found: "Hurried") -> str:
    """What is done at once."""
    if found.kind == "frees":
        return (
            f"{function.name}() frees {found.what} at once, which {found.by}() freed when no reader could be left that "
            "had found it, and the changelog does not say why"
        )
    if found.kind == "calls":
        return (
            f"{function.name}() does at once what {found.what}() did when no reader could be left, by {found.by}(), "
            "and the changelog does not say why"
        )
    late = "callbacks" if "barrier" in found.by else "readers"
    return (
        f"{function.name}() no longer calls {found.by}(): {late} may still use what goes here, and the changelog does "
        "not say why nobody need wait for them"
    )


RULE = Rule(
    name="dropped-grace-period",
    summary="A patch frees at once what it freed when no reader under RCU could be left, and does not say why",
    why=(
        "Who reads under RCU takes no lock: what is taken out of a list or a pointer may be in use until a grace "
        "period has passed. Freed before, or its code unloaded before, it is used when it is something else already."
    ),
    source="Documentation/RCU/whatisRCU.rst; Documentation/RCU/checklist.rst (5, 8); Documentation/RCU/rcubarrier.rst",
    severity="warning",
    confidence="medium",
    check=check,
    wakes=("free_rcu", "call_rcu", "call_srcu", "synchronize_", "rcu_barrier"),
    by_file=True,
    by_effect=True,
    bad=(
        """
 static void port_remove(struct port *port)
 {
 	list_del_rcu(&port->node);
-	kfree_rcu(port, rcu);
+	kfree(port); // want "port_remove.. frees port at once, which kfree_rcu.. freed when no reader could be left"
 }
""",
        """
 static void port_unhook(struct hooks *hooks)
 {
 	RCU_INIT_POINTER(hooks->port, NULL);
-	synchronize_rcu();
 	port_stop(hooks); // want "port_unhook.. no longer calls synchronize_rcu"
 }
""",
        """
 static void ports_exit(void)
 {
 	ports_remove();
-	rcu_barrier();
 	kmem_cache_destroy(port_cache); // want "ports_exit.. no longer calls rcu_barrier.*: callbacks may still use"
 }
""",
        """
-static void port_free(struct rcu_head *head)
-{
-	struct port *port = container_of(head, struct port, rcu);
-
-	port_data_put(port->data);
-	kfree(port);
-}
-
 static void port_remove(struct port *port)
 {
 	list_del_rcu(&port->node);
-	call_rcu(&port->rcu, port_free);
+	port_data_put(port->data); // want "port_remove.. does at once what port_free.. did when no reader could be left"
+	kfree(port);
 }
""",
    ),
    good=(
        """
>>> patch mm: free ports at once
Nobody can have found the port yet: it is in no list.
There is no need for a grace period.
>>> file mm/example.c
 static void port_abandon(struct port *port)
 {
-	kfree_rcu(port, rcu);
+	kfree(port);
 }
""",
        """
 static void port_remove(struct port *port)
 {
 	list_del_rcu(&port->node);
-	synchronize_rcu();
-	kfree(port);
+	kfree_rcu(port, rcu);
 }
""",
        """
 static void port_remove(struct ports *ports, struct port *port)
 {
+	spin_lock(&ports->lock);
 	list_del(&port->node);
-	synchronize_rcu();
+	spin_unlock(&ports->lock);
 	kfree(port);
 }
 
 static bool port_is_there(struct ports *ports, int id)
 {
 	struct port *port;
 	bool found = false;
 
-	rcu_read_lock();
+	spin_lock(&ports->lock);
 	list_for_each_entry(port, &ports->list, node)
 		found |= port->id == id;
-	rcu_read_unlock();
+	spin_unlock(&ports->lock);
 	return found;
 }
""",
        """
 static void port_remove(struct port *port)
 {
 	list_del_rcu(&port->node);
-	kfree_rcu(port, rcu);
+	port_retire(port);
 }
""",
    ),
)
