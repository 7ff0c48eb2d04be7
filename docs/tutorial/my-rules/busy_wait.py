"""A loop that waits for another CPU without telling this one."""

from collections.abc import Iterator

from patchscan.rule import Context, Finding, Rule, Silence


def check(context: Context) -> Iterator[Finding | Silence]:
    """Every added loop whose body is empty."""
    for file in context.c_files:
        if not file.adds("while"):
            continue
        for function in file.functions:
            for loop in function.nodes("while_statement"):
                line = function.source.line_of(loop)
                if line not in file.added_numbers:
                    continue
                body = loop.child_by_field_name("body")
                if body is not None and function.source.text_of(body) == ";":
                    yield file.finding(line, "a loop that only waits wants cpu_relax() in its body")
                else:
                    yield file.fine(line, "the loop does something")


RULE = Rule(
    name="busy-wait",
    summary="A loop that waits for another CPU without cpu_relax()",
    why=(
        "A CPU that spins takes memory bandwidth and power from the one it waits for. cpu_relax() tells the "
        "processor, and a hypervisor, that nothing is to be gained by spinning faster."
    ),
    source="Documentation/process/volatile-considered-harmful.rst (the busy-wait loop with cpu_relax())",
    severity="warning",
    confidence="high",
    check=check,
    bad=(
        """
 static void wait_for_reset(struct card *card)
 {
+	while (READ_ONCE(card->resetting)) // want "cpu_relax"
+		;
 }
""",
    ),
    good=(
        """
 static void wait_for_reset(struct card *card)
 {
+	while (READ_ONCE(card->resetting))
+		cpu_relax();
 }
""",
        """
 static void drop_all(struct list *list)
 {
+	while (more(list))
+		drop(list);
 }
""",
        """
 static void wait_for_reset(struct card *card)
 {
 	while (READ_ONCE(card->resetting))
 		;
+	start(card);
 }
""",
    ),
)
