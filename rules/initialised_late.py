"""A lock, work, completion or list that is initialised when an interrupt handler that uses it may already run."""

from collections.abc import Iterator

from patchscan.rule import Context, Finding, Rule, Silence


def check(context: Context) -> Iterator[Finding | Silence]:
    """The functions in which a patch puts what lets a handler run before what the handler uses."""
    if not any(file.shows("request_", "_irq(") for file in context.c_files):
        return
    from patchscan.flow.lateinit import late_initialisations

    for file, function, late in context.brought(late_initialisations, key=lambda late: (late.what, late.by)):
        if function.whole and not function.partial:
            line = file.patch_line(late.line)
            text = (
                f"{late.by}() lets {late.user}() run from here on, which uses {late.what}; {late.call}() "
                f"initialises it only on line {line}"
            )
            yield file.finding(late.at, text, (file.evidence(late.line),))


RULE = Rule(
    name="initialised-late",
    summary="A lock, work, completion or list is initialised when a handler that uses it may already run",
    why=(
        "An interrupt may come as soon as its handler is requested: from a device that firmware left running, on a "
        "line that is shared, and with CONFIG_DEBUG_SHIRQ in any case. The handler then takes a lock that is none, "
        "queues work that has no function, or wakes a queue of garbage."
    ),
    source="kernel/irq/manage.c: request_threaded_irq() and CONFIG_DEBUG_SHIRQ; fixes of drivers that set up too late",
    severity="warning",
    confidence="high",
    check=check,
    in_code=("request_irq(", "request_threaded_irq(", "request_any_context_irq("),
    bad=(
        """
 static irqreturn_t port_isr(int irq, void *data)
 {
 	struct port *port = data;
 
 	spin_lock(&port->lock);
 	port->seen++;
 	spin_unlock(&port->lock);
 	return IRQ_HANDLED;
 }
 
 static int port_probe(struct port *port)
 {
 	int ret;
 
-	spin_lock_init(&port->lock);
 	ret = request_irq(port->irq, port_isr, 0, "port", port); // want "port_isr.. run.* port->lock; spin_lock_init"
 	if (ret)
 		return ret;
+	spin_lock_init(&port->lock);
 	return port_start(port);
 }
""",
        """
+static void port_wake(struct port *port)
+{
+	complete(&port->done);
+}
+
+static irqreturn_t port_thread(int irq, void *data)
+{
+	port_wake(data);
+	return IRQ_HANDLED;
+}
+
+static int port_probe(struct device *dev, struct port *port)
+{
+	int ret = devm_request_threaded_irq(dev, port->irq, NULL, port_thread, 0, "port", port); // want "uses port->done"
+
+	if (ret)
+		return ret;
+	init_completion(&port->done);
+	return port_start(port);
+}
""",
    ),
    good=(
        """
+static irqreturn_t port_isr(int irq, void *data)
+{
+	struct port *port = data;
+
+	spin_lock(&port->lock);
+	spin_unlock(&port->lock);
+	return IRQ_HANDLED;
+}
+
+static int port_probe(struct port *port)
+{
+	spin_lock_init(&port->lock);
+	return request_irq(port->irq, port_isr, 0, "port", port);
+}
""",
        """
+static irqreturn_t port_isr(int irq, void *data)
+{
+	struct port *port = data;
+
+	spin_lock(&port->lock);
+	spin_unlock(&port->lock);
+	return IRQ_HANDLED;
+}
+
+static int port_probe(struct port *port)
+{
+	int ret = request_irq(port->irq, port_isr, IRQF_NO_AUTOEN, "port", port);
+
+	spin_lock_init(&port->lock);
+	enable_irq(port->irq);
+	return ret;
+}
""",
        """
+static irqreturn_t port_isr(int irq, void *data)
+{
+	struct queue *queue = data;
+
+	spin_lock(&queue->lock);
+	spin_unlock(&queue->lock);
+	return IRQ_HANDLED;
+}
+
+static int port_probe(struct port *port)
+{
+	int ret = request_irq(port->irq, port_isr, 0, "port", port->queue);
+
+	spin_lock_init(&port->lock);
+	return ret;
+}
""",
    ),
)
