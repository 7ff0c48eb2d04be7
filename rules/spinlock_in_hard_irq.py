"""A spinlock_t in an interrupt handler that PREEMPT_RT leaves in hard interrupt context."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from patchscan.rule import Call, ChangedFile, Context, Evidence, Finding, Function, Rule, Silence, Source

if TYPE_CHECKING:
    from patchscan.flow.callees import Inside

# What an added line must hold: a registration, or a call in a handler.
_REGISTERS = ("IRQF_NO_THREAD", "IRQF_PERCPU", "IRQF_TIMER", "IRQ_WORK_INIT_HARD", "request_percpu_irq")
_KINDS = frozenset(("percpu irq", "hard irq work"))


def check(context: Context) -> Iterator[Finding | Silence]:
    """The handlers that a patch registers so, or adds calls to."""
    from patchscan.flow.callbacks import callbacks

    for file in context.c_files:
        for source in file.after:
            if not any(word.encode() in source.code for word in _REGISTERS):
                continue
            for name, callback in callbacks(source).items():
                handler = source.function_named(name)
                if callback.kind in _KINDS and handler is not None:
                    registered = registration(file, source, callback.line)
                    yield from check_handler(context, file, handler, registered)


def registration(file: ChangedFile, source: Source, line: int) -> int:
    """The line of a registration that the patch adds, 0 where it adds none; line: where it begins."""
    function = source.function_at(line)
    calls = [each for each in function.calls() if each.line == line] if function is not None else []
    last = max((source.last_line_of(each.node) for each in calls), default=line)
    lines = [
        each for each in range(line, last + 1) if each in file.added_numbers and not file.was_there(each)
    ]
    telling = (each for each in lines if any(word in file.text_at(each) for word in _REGISTERS))
    return next(telling, 0)


def takes_spinlock(name: str, arguments: tuple[str, ...]) -> bool | None:
    """Whether a call takes a spinlock_t, which sleeps on PREEMPT_RT; None where only its definition tells."""
    from patchscan.flow.effects import effect_of

    effect = effect_of(name)
    return None if effect is None else effect.op == "acquire" and effect.lock == "spin"


def check_handler(
    context: Context, file: ChangedFile, handler: Function, registered: int
) -> Iterator[Finding | Silence]:
    """The first call of a handler that takes one, where the patch adds it or the registration."""
    for call in handler.calls():
        line = registered or (call.line if call.line in file.added_numbers else 0)
        if not line or not call.name:
            continue
        direct = takes_spinlock(call.name, ())
        inside = None if direct is not None else context.inside(handler, call, takes_spinlock)
        if direct or (inside is not None and not isinstance(inside, str)):
            yield report(file, handler, call, line, inside if not isinstance(inside, str) else None)
            return


def report(file: ChangedFile, handler: Function, call: Call, line: int, inside: "Inside | None") -> Finding:
    where, shown = "", [file.evidence(call.line)]
    if inside is not None:
        where = f" ({call.name}() calls {inside.name}() in {inside.path}:{inside.line})"
        shown.append(Evidence(inside.path, inside.line, inside.text))
    return file.finding(
        line,
        f"{handler.name}() takes a spinlock_t{where}, which sleeps on PREEMPT_RT, but this registration keeps it in "
        "hard interrupt context there"
        if line != call.line
        else f"{handler.name}() takes a spinlock_t{where}, which sleeps on PREEMPT_RT, but it is registered to run in "
        "hard interrupt context there",
        tuple(shown),
    )


RULE = Rule(
    name="spinlock-in-hard-irq",
    summary="A spinlock_t in an interrupt handler that is not threaded on PREEMPT_RT",
    why=(
        "On PREEMPT_RT a spinlock_t is a lock that sleeps, and most handlers run in threads so that they may take it. "
        "One that asks for hard interrupt context must do with raw_spinlock_t, in all that it calls."
    ),
    source=(
        "Documentation/locking/locktypes.rst (spinlock_t and PREEMPT_RT); include/linux/interrupt.h (IRQF_NO_THREAD); "
        "kernel/irq/manage.c (irq_setup_forced_threading())"
    ),
    severity="warning",
    confidence="high",
    check=check,
    by_file=True,
    by_effect=True,
    bad=(
        """
>>> tree drivers/misc/events.c
void push_event(struct port *port, int event)
{
	unsigned long flags;

	spin_lock_irqsave(&port->events_lock, flags);
	port->event = event;
	spin_unlock_irqrestore(&port->events_lock, flags);
}
>>> tree drivers/misc/events.h
void push_event(struct port *port, int event);
>>> tree drivers/misc/port.c
static irqreturn_t port_interrupt(int irq, void *data)
{
	struct port *port = data;

	push_event(port, 1);
	return IRQ_HANDLED;
}

static int port_probe(struct port *port)
{
	return devm_request_irq(port->dev, port->irq, port_interrupt,
				IRQF_TRIGGER_RISING, "port", port);
}
>>> patch misc: port: do not thread the interrupt
>>> file drivers/misc/port.c
@@
 static int port_probe(struct port *port)
 {
 	return devm_request_irq(port->dev, port->irq, port_interrupt,
-				IRQF_TRIGGER_RISING, "port", port);
+				IRQF_TRIGGER_RISING | IRQF_NO_THREAD, "port", port); // want "push_event.. calls spin_lock_irqsave.."
 }
""",
        """
+static irqreturn_t port_interrupt(int irq, void *data)
+{
+	struct port *port = data;
+
+	spin_lock(&port->lock);
+	port->count++;
+	spin_unlock(&port->lock);
+	return IRQ_HANDLED;
+}
+
+static int port_probe(struct port *port)
+{
+	return request_irq(port->irq, port_interrupt, IRQF_NO_THREAD, "port", port); // want "takes a spinlock_t"
+}
""",
    ),
    good=(
        """
+static irqreturn_t port_interrupt(int irq, void *data)
+{
+	struct port *port = data;
+
+	raw_spin_lock(&port->lock);
+	port->count++;
+	raw_spin_unlock(&port->lock);
+	return IRQ_HANDLED;
+}
+
+static int port_probe(struct port *port)
+{
+	return request_irq(port->irq, port_interrupt, IRQF_NO_THREAD, "port", port);
+}
""",
        """
+static irqreturn_t port_interrupt(int irq, void *data)
+{
+	struct port *port = data;
+
+	spin_lock(&port->lock);
+	port->count++;
+	spin_unlock(&port->lock);
+	return IRQ_HANDLED;
+}
+
+static int port_probe(struct port *port)
+{
+	return request_irq(port->irq, port_interrupt, IRQF_SHARED, "port", port);
+}
""",
        """
>>> tree drivers/misc/port.c
static irqreturn_t port_interrupt(int irq, void *data)
{
	struct port *port = data;

	spin_lock(&port->lock);
	spin_unlock(&port->lock);
	return IRQ_HANDLED;
}

static int port_probe(struct port *port)
{
	return request_irq(port->irq, port_interrupt, IRQF_NO_THREAD, "port", port);
}
>>> patch misc: port: give the interrupt a name
>>> file drivers/misc/port.c
@@
 static int port_probe(struct port *port)
 {
-	return request_irq(port->irq, port_interrupt, IRQF_NO_THREAD, "port", port);
+	port->name = "port";
+	return request_irq(port->irq, port_interrupt, IRQF_NO_THREAD, "port", port);
 }
""",
    ),
    in_code=_REGISTERS,
)
