"""Code is added under `#if 0`."""

from collections.abc import Iterator

from patchscan.rule import Context, Finding, Rule, Silence, pattern

NEVER = pattern(r"\s*#\s*if\s+0\s*$")


def check(context: Context) -> Iterator[Finding | Silence]:
    """The added lines that switch off what follows; what is only moved was so before."""
    for file in context.c_files:
        for line in file.added:
            if line.new is not None and NEVER.match(line.text.partition("/*")[0].partition("//")[0]):
                number = file.source_line(line.new)
                if file.was_there(number):
                    yield file.fine(number, "it only moves")
                elif file.code_at(number).strip():
                    yield file.finding(
                        number, "nobody builds what stands under #if 0: leave it out, or give it an option"
                    )


RULE = Rule(
    name="code-switched-off",
    summary="Code is added that #if 0 switches off",
    why=(
        "Code that is never compiled rots, and nobody can test it. What is not wanted yet is better a later patch; "
        "what somebody may want has an option; git keeps what was."
    ),
    source="scripts/checkpatch.pl (IF_0); Documentation/process/coding-style.rst (conditional compilation)",
    severity="warning",
    confidence="high",
    check=check,
    bad=(
        """
 int x;
+#if 0 // want "nobody builds what stands under #if 0"
+int walk(void);
+#endif
+# if 0 /* not yet */ // want "nobody builds"
+int run(void);
+#endif
""",
    ),
    good=(
        """
 int x;
+#if 0x10 > LEVEL
+int walk(void);
+#endif
""",
        """
 int x;
+#if IS_ENABLED(CONFIG_WALK)
+/*
+#if 0
+ */
+#endif
""",
        """
-#if 0
-int walk(void);
-#endif
 int x;
+#if 0
+int walk(void);
+#endif
""",
    ),
)
