"""A call that a patch replaces by one that does less, or takes away from around a value, without a word."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from patchscan.rule import ChangedFile, Context, Finding, Rule, Silence, pattern

if TYPE_CHECKING:
    from patchscan.flow.weaker import Weaker

# What a function is for that stops or gives back: rules that know what it took tell of it.
_ENDS = pattern(
    r"(\w*_)?(remove|exit|destroy|release|disconnect|shutdown|close|unregister|unbind|stop|deinit|fini|free|cleanup|detach)(_\w*)?"
)
_PUTS = pattern(r"\b\w*put\w*\s*\(")
_LOCKS = pattern(r"\b\w*(?:lock\w*|guard|RCU|rcu_\w+)\s*\(")


def check(context: Context) -> Iterator[Finding | Silence]:
    """The lines that a patch changes in one thing alone, of which the changelog says nothing."""
    from patchscan.flow.weaker import weaker

    changelog = "\n".join((context.patch.title, *context.patch.changelog))
    for file in context.c_files:
        said = set()
        before = code_before(file)
        for run in file.passage.runs:
            lines = [line for line in range(run.new, run.new_end) if file.code_at(line).strip()]
            gone = [text for line in range(run.old, run.old_end) if (text := before.get(line, "").strip())]
            for each in weaker(gone, [file.code_at(line) for line in lines]):
                line = lines[each.place]
                by = next((one.name for one in file.functions if one.first_line <= line <= one.last_line), "")
                if (
                    (each.strong, by) in said
                    or stands_elsewhere(file, each)
                    or (each.kind.waits and _ENDS.fullmatch(by))
                ):
                    continue
                said.add((each.strong, by))
                if re.search(f"(?i){each.kind.told}|{each.strong}", changelog):
                    yield file.fine(line, f"the changelog may say why {each.strong}() goes")
                else:
                    yield file.finding(line, message(each))


def code_before(file: ChangedFile) -> dict[int, str]:
    """The lines before the patch that it takes away, comments and the contents of strings blank."""
    gone = frozenset(line for run in file.passage.runs for line in range(run.old, run.old_end))
    found: dict[int, str] = {}
    for source in file.before:
        # Of hunks alone each is a source of its own, of a few lines.
        few = (
            (line for line in source.lines if line in gone)
            if len(source.lines) < len(gone)
            else (line for line in gone if line in source.lines)
        )
        found |= {line: source.code_text(line) for line in few}
    return found


def stands_elsewhere(file: ChangedFile, found: "Weaker") -> bool:
    """Whether a patch adds the call that goes on another line, or gives back less, or leaves nobody to agree with."""
    added = [file.code_at(line) for line in file.added_numbers]
    if found.kind.told.startswith("refer") and any(_PUTS.search(line.text) for line in file.removed):
        return True
    if "ONCE" in found.strong:
        member = found.subject.replace(".", "->").rpartition("->")[2]
        marked = re.compile(rf"\b(?:READ|WRITE)_ONCE\(.*\b{re.escape(member)}\b")
        if any(_LOCKS.search(text) for text in added) or not any(
            marked.search(source.text.decode("utf-8", "replace")) for source in file.after
        ):
            return True
    return any(re.search(rf"\b{found.strong}\b", text) for text in added)


def message(found: "Weaker") -> str:
    """What is done no more."""
    if found.weak:
        plain = f"{found.weak}()" if found.weak.isidentifier() else found.weak
        strong = f"{found.strong}()" if found.strong.isidentifier() else found.strong
        return (
            f"{plain} takes the place of {strong}: it {found.kind.loses}, and the changelog does not say why"
        )
    return f"{found.strong}() around {found.subject} goes: it {found.kind.loses}, and the changelog does not say why"


RULE = Rule(
    name="weaker-call",
    summary="A call becomes one that does less with the same arguments, or goes from around a value",
    why=(
        "The stronger one was chosen for a case that somebody met: a reader without a lock, a CPU that went offline, "
        "memory that user space sees, an interrupt that takes the same lock. Most often the weaker one comes in by "
        "habit or with code that was moved; where it suffices the changelog should say why."
    ),
    source=(
        "Documentation/RCU/listRCU.rst; Documentation/locking/locktypes.rst; Documentation/process/deprecated.rst; "
        "kernel-doc of the functions; the kinds of [weaker] in rules/tables/words.toml"
    ),
    severity="warning",
    confidence="medium",
    check=check,
    by_file=True,
    by_effect=True,
    bad=(
        """
 static void port_add(struct ports *ports, struct port *port)
 {
 	spin_lock(&ports->lock);
-	list_add_tail_rcu(&port->node, &ports->list);
+	list_add_tail(&port->node, &ports->list); // want "list_add_tail.. takes the place of list_add_tail_rcu"
 	spin_unlock(&ports->lock);
 }
""",
        """
 static void port_of(struct port *port, struct bus *bus)
 {
-	port->dev.of_node = of_node_get(bus->node);
+	port->dev.of_node = bus->node; // want "of_node_get.. around bus->node goes: it takes no reference of its own"
 	port_start(port);
 }
""",
        """
 static int port_size(struct port *port, unsigned int asked)
 {
-	port->size = clamp_t(unsigned int, asked, 1,
-			     PORT_MOST);
+	port->size = asked; // want "clamp_t.. around asked goes: it has no limit any more"
 	return 0;
 }
""",
        """
 static u64 port_sum(struct port *port)
 {
 	u64 sum = 0;
 	int cpu;
 
-	for_each_possible_cpu(cpu)
+	for_each_online_cpu(cpu) // want "for_each_online_cpu.. takes the place of for_each_possible_cpu"
 		sum += per_cpu(port_count, cpu);
 	return sum;
 }
""",
    ),
    good=(
        """
 static void port_add(struct ports *ports, struct port *port)
 {
 	spin_lock(&ports->lock);
-	list_add_tail(&port->node, &ports->list);
+	list_add_tail_rcu(&port->node, &ports->list);
 	spin_unlock(&ports->lock);
 }
""",
        """
>>> patch mm: list the ports under their lock alone
All readers hold the lock.  No reader under RCU is left.
>>> file mm/example.c
 static void port_add(struct ports *ports, struct port *port)
 {
 	spin_lock(&ports->lock);
-	list_add_tail_rcu(&port->node, &ports->list);
+	list_add_tail(&port->node, &ports->list);
 	spin_unlock(&ports->lock);
 }
""",
        """
 static void port_add(struct ports *ports, struct port *port)
 {
-	list_add_tail_rcu(&port->node, &ports->list);
+	list_add_tail(&port->other, &ports->others);
 	port_start(port);
 }
""",
        """
 static void port_set(struct port *port)
 {
-	port->mode = 1UL << 29;
+	port->mode = 1 << 29;
 }
""",
        """
 static int port_state(struct port *port)
 {
 	int state;
 
-	state = READ_ONCE(port->state);
+	spin_lock(&port->lock);
+	state = port->state;
+	spin_unlock(&port->lock);
 	return state;
 }
""",
    ),
)
