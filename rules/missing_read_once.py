"""A plain read, in a condition, of what another CPU writes at that moment."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from patchscan.rule import Call, ChangedFile, Context, Control, Finding, Fix, Function, Rule, Silence, pattern

if TYPE_CHECKING:
    from tree_sitter import Node

# Waiting by these is waiting for another CPU: the body of a busy-wait loop.
WAITS = frozenset(
    (
        "cpu_relax",
        "cpu_relax_yield",
        "barrier",
        "smp_mb",
        "smp_rmb",
        "touch_nmi_watchdog",
        "udelay",
        "ndelay",
        "msleep",
        "usleep_range",
        "cond_resched",
        "schedule",
        "yield",
    )
)
OWN_CPU = pattern(r"\b(?:raw_)?smp_processor_id\b|\bthis_cpu\b|\bget_cpu\b")
DEVICE = pattern(r"\b\w*(?:regs?|registers|mmio)(?:->|\.|\b)")
# Called for a CPU that is not running, or before others run: nobody writes at the same time.
QUIET = pattern(
    r"_(?:dead|dying|offline|online|starting|prepare|setup|cpu_up|cpu_down|hotplug|notify|init)(?:_|$)"
)
WORD = pattern(r"\w+")
VOLATILE = pattern(r"volatile|__iomem")
PART_MARK = pattern(r"[.\[]")
WRITES = (
    r"\b(?:__|raw_)?this_cpu_(?!ptr|read)\w+\(\s*{name}\b",
    r"\*\s*(?:raw_|__)?this_cpu_ptr\(\s*&\s*{name}\b[^;=]*\)\s*=[^=]",
    r"\b(?:WRITE_ONCE|smp_store_\w+|xchg)\(\s*\*?\s*(?:raw_|__)?(?:this_cpu|per_cpu)(?:_ptr)?\(\s*&?\s*{name}\b",
)


def check(context: Context) -> Iterator[Finding | Silence]:
    """Every added read of another CPU's variable that decides something, and every added busy-wait loop."""
    for file in context.c_files:
        if file.adds("per_cpu"):
            for function, call in file.added_calls({"per_cpu", "per_cpu_ptr"}):
                remark = judge_per_cpu(context, file, function, call)
                if remark:
                    yield remark
        if file.adds("while"):
            for function in file.functions:
                for node in function.nodes("while_statement", "do_statement"):
                    yield from judge_loop(file, function, function.control(node))


def judge_per_cpu(
    context: Context, file: ChangedFile, function: Function, call: Call
) -> Finding | Silence | None:
    """A finding where a plain read of another CPU's variable decides something, and that CPU writes it."""
    if len(call.arguments) != 2 or file.was_there(call.line) or not decides(function, call):
        return None
    name, cpu = (function.source.text_of(node).lstrip("&").strip() for node in call.arguments)
    variable = WORD.match(name)
    if variable is None or OWN_CPU.search(cpu) or OWN_CPU.search(definition_of(function, cpu)):
        return file.fine(call.line, "it is this CPU's own variable")
    if QUIET.search(function.name) or "__init" in function.header:
        return file.fine(call.line, f"{function.name}() runs while that CPU does not use it")
    writer = writer_of(context, name)
    if writer is None:
        return file.fine(call.line, f"no write to {name} by its own CPU is visible")
    return file.finding(
        call.line,
        f"a plain read of {name} of another CPU, which that CPU may write at any time: READ_ONCE()",
        (writer[0].evidence(writer[1]),),
        fix=once(file, function, call),
    )


def once(file: ChangedFile, function: Function, call: Call) -> Fix | None:
    """The fix where the call is the whole of what is read."""
    read = function.source.text_of(call.node)
    rest = file.text_at(call.line).partition(read)[2].lstrip()
    if call.name != "per_cpu" or rest.startswith((".", "->", "[")):
        return None
    return file.substitution(call.line, read, f"READ_ONCE({read})")


def decides(function: Function, call: Call) -> bool:
    """Whether the value read, as it is, goes into a condition or the value returned."""
    node: Node = call.node
    while node.parent is not None:
        child, node = node, node.parent
        if node.type in ("return_statement", "if_statement", "while_statement", "do_statement"):
            return reads_value(call) and condition_of(node, child)
        if node.type in ("argument_list", "assignment_expression", "init_declarator"):
            return False
        if node.type.endswith(("_statement", "declaration")):
            return False
        if function.source.text_of(node).startswith("&"):
            return False
    return False


def condition_of(parent: "Node", node: "Node") -> bool:
    """Whether node is the condition of a statement, or what a return statement returns."""
    return parent.type == "return_statement" or node == parent.child_by_field_name("condition")


def reads_value(call: Call) -> bool:
    """Whether it is the variable itself that is read, and not only its address (or an element's)."""
    parent = call.node.parent
    if call.name == "per_cpu":
        return parent is None or parent.type not in ("field_expression", "subscript_expression")
    if parent is None or parent.type != "field_expression":
        return parent is not None and parent.type == "pointer_expression"
    outer = parent.parent
    return outer is not None and outer.type not in ("field_expression", "subscript_expression")


def definition_of(function: Function, name: str) -> str:
    """What a local variable is set to where it is declared or assigned, as one text."""
    found = re.findall(rf"\b{re.escape(name)}\s*=([^=;][^;]*);", function.text)
    return " ".join(found)


def writer_of(context: Context, name: str) -> tuple[ChangedFile, int] | None:
    """Where a file of the series writes the variable on its own CPU, as this patch leaves it."""
    pattern = re.compile("|".join(each.format(name=re.escape(name)) for each in WRITES))
    for other in (*context.earlier, context):
        for file in other.c_files:
            for source in file.after:
                first = source.first_line - (1 if source.fragment else 0)
                for match in pattern.finditer(source.code.decode("utf-8", "replace")):
                    line = first + match.string.count("\n", 0, match.start())
                    writer = source.function_at(line)
                    if writer is None or not (QUIET.search(writer.name) or "__init" in writer.header):
                        return file, line
    return None


def judge_loop(file: ChangedFile, function: Function, loop: Control) -> Iterator[Finding | Silence]:
    """A finding where an added loop does nothing but wait for memory that it reads plainly."""
    if loop.condition is None or loop.macro:
        return
    line = function.source.line_of(loop.condition)
    if line not in file.added_numbers or file.was_there(line) or not only_waits(function, loop):
        return
    read = plain_read(function, loop.condition)
    if read is None:
        yield file.fine(line, "what the loop waits for is not read plainly")
    elif VOLATILE.search(function.text) or DEVICE.search(read):
        yield file.fine(line, "it may be volatile, or a device's register")
    else:
        yield file.finding(
            line,
            f"the loop waits for another CPU to write {read}, and reads it plainly: READ_ONCE() (or "
            f"smp_load_acquire(), where what was written before it is read after the loop)",
            fix=file.substitution(line, read, f"READ_ONCE({read})"),
        )


def only_waits(function: Function, loop: Control) -> bool:
    """Whether the body of a loop is empty, or only calls that wait."""
    body = loop.node.child_by_field_name("body")
    if body is None:
        return False
    if body.type == "expression_statement" and not body.named_children:
        # `while (more && take_one());` does its work in the condition.
        return not any(function.calls_in(loop.node))
    statements = body.named_children if body.type == "compound_statement" else [body]
    for statement in statements:
        inner = [node for node in statement.named_children if node.type != "comment"]
        if statement.type == "comment" or not inner:
            continue
        if statement.type != "expression_statement" or inner[0].type != "call_expression":
            return False
        if function.call(inner[0]).name not in WAITS:
            return False
    return True


def plain_read(function: Function, condition: "Node") -> str | None:
    """What a condition reads plainly that others can write: a field, a global, or what a pointer points to."""
    if any(function.nodes_in(condition, "assignment_expression", "update_expression")):
        return None
    read = tuple(outside_calls(condition))
    variables = (*function.locals, *function.parameters)
    own = {variable.name for variable in variables}
    inside = {variable.name for variable in variables if "*" not in variable.type}
    for node in read:
        text = function.source.text_of(node)
        if node.type == "identifier":
            if function.whole and text not in own and not text.isupper() and text != "jiffies":
                return text
        elif node.type == "field_expression":
            taken = node.parent is not None and function.source.text_of(node.parent).startswith("&")
            if not taken and ("->" in text or PART_MARK.split(text)[0] not in inside):
                return text
        elif node.type == "pointer_expression" and text.startswith("*"):
            return text
    return None


def outside_calls(condition: "Node") -> "Iterator[Node]":
    """What a condition reads, without what stands in calls: a macro may read its arguments with READ_ONCE()."""
    waiting = [condition]
    while waiting:
        node = waiting.pop()
        yield node
        if node.type not in ("call_expression", "field_expression", "pointer_expression"):
            waiting.extend(reversed(node.named_children))


RULE = Rule(
    name="missing-read-once",
    summary="A condition reads plainly what another CPU writes at the same time",
    why=(
        "A plain read of memory that is written at the same time is a data race: the compiler may read once and "
        "never again, read twice and get two values, or tear the access. READ_ONCE() says that the value may "
        "change, to the compiler, to KCSAN and to the reader."
    ),
    source=(
        "Documentation/memory-barriers.txt (the compiler barrier); tools/memory-model/Documentation/"
        "access-marking.txt; Documentation/process/volatile-considered-harmful.rst (busy-wait loops)"
    ),
    severity="warning",
    confidence="medium",
    check=check,
    wakes=("per_cpu", "while"),
    bad=(
        """
 static inline void walk_begin(struct mm_struct *mm)
 {
 	this_cpu_write(walking, mm);
 }
@@
 static bool walks(int cpu, struct mm_struct *mm)
 {
+	if (per_cpu(walking, cpu) == mm) // want "READ_ONCE"
+		return true;
 	return false;
 }
""",
        """
 static void wait_for(struct buffer *buffer)
 {
+	while (!buffer->stopped) // want "buffer->stopped.*READ_ONCE"
+		cpu_relax();
 }
""",
        """
 static int online;
 
 static void wait_for_all(int wanted)
 {
+	while (online < wanted) // want "write online"
+		;
 }
""",
        """
 static void leave(void)
 {
 	smp_store_release(this_cpu_ptr(&state), NULL);
 }
 
 static bool stays(int cpu)
 {
+	return *per_cpu_ptr(&state, cpu) != NULL; // want "plain read of state"
 }
""",
    ),
    good=(
        """
 static void walk_begin(struct mm_struct *mm)
 {
 	this_cpu_write(walking, mm);
 }
 
 static bool walks(int cpu, struct mm_struct *mm)
 {
+	if (READ_ONCE(per_cpu(walking, cpu)) == mm)
+		return true;
+	return smp_load_acquire(per_cpu_ptr(&walking, cpu)) == mm;
 }
""",
        """
 static void count(void)
 {
 	this_cpu_inc(events);
 }
 
 static unsigned long events_seen(void)
 {
 	unsigned long sum = 0;
 	int cpu;
 
+	for_each_possible_cpu(cpu)
+		sum += per_cpu(events, cpu);
 	return sum;
 }
""",
        """
 static bool worker_runs(unsigned int cpu)
 {
+	if (per_cpu(worker, cpu))
+		return true;
+	return per_cpu(area, cpu).list.next == NULL;
 }
 
 static struct stats *stats_of(struct net *net, int cpu)
 {
 	this_cpu_inc(net->stats);
+	return per_cpu_ptr(net->stats, cpu);
 }
""",
        """
 static void enter(void)
 {
 	this_cpu_write(state, 1);
 }
 
 static int state_cpu_dead(unsigned int cpu)
 {
+	if (per_cpu(state, cpu))
+		return -EBUSY;
 	return 0;
 }
 
 static bool mine(void)
 {
 	int cpu = smp_processor_id();
 
+	return per_cpu(state, cpu) == 1;
 }
""",
        """
 static void wait_for(struct buffer *buffer, int tries)
 {
+	while (!READ_ONCE(buffer->stopped))
+		cpu_relax();
+	while (atomic_read(&buffer->users))
+		cpu_relax();
+	while (readl(buffer->registers + 4) & BUSY)
+		udelay(1);
+	while (buffer->next) {
+		cpu_relax();
+		buffer = take(buffer);
+	}
+	while (!(buffer->regs->control & IDLE))
+		cpu_relax();
+	while (tries--)
+		udelay(1);
+	while (buffer->pages && drop_one(buffer))
+		;
+	while (tries < MAX_TRIES && jiffies < deadline(tries))
+		cpu_relax();
 }
""",
    ),
)
