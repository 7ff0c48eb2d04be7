"""A schema whose lines are not written as dt_binding_check wants them: quotes, indentation."""

from collections.abc import Iterator

from patchscan.devicetree.changed import examples, schemas
from patchscan.devicetree.dts import Node
from patchscan.devicetree.yaml_text import Value
from patchscan.rule import ChangedFile, Context, Finding, Rule, Silence, pattern

# A text that is one with quotes and without them, and in brackets, too.
PLAIN = pattern(r"[A-Za-z_/](?:[\w./+@()=<>;~-]| (?![#]))*[\w./+@()=<>;~-]")
# What YAML 1.1 takes for a truth value or nothing.
WORDS = ("y", "n", "yes", "no", "on", "off", "true", "false", "null")
STEP = 2
EXAMPLE_STEPS = (2, 4)


def check(context: Context) -> Iterator[Finding | Silence]:
    """What yamllint says with the settings of the bindings, of lines that the patch adds."""
    for file, schema in schemas(context):
        yield from quoted(file, schema)
        yield from indented(file, schema)
        key, wanted = schema.key("additionalProperties"), schema.key("required")
        if (
            key is not None
            and wanted is not None
            and key.line < wanted.line
            and key.line in file.added_numbers
        ):
            yield file.finding(key.line, "additionalProperties stands behind required", severity="info")
        for item, nodes in examples(schema):
            first = wide(file, item, nodes)
            if first:
                yield file.finding(first, "examples are indented by four spaces", severity="info")


def quoted(file: ChangedFile, schema: Value) -> Iterator[Finding]:
    """Values in quotes that are the same without; names are not looked at, nor are texts of several lines."""
    for parent in schema.below():
        for value in (*(held for _, held in parent.entries), *parent.items):
            if value.line in file.added_numbers and is_quoted_in_vain(value):
                old = f"{value.style}{value.text}{value.style}"
                yield file.finding(
                    value.line,
                    f"{old} needs no quotes (yamllint: redundantly quoted)",
                    fix=file.substitution(value.line, old, value.text),
                )


def is_quoted_in_vain(value: Value) -> bool:
    """Whether a value of one line is the same without its quotes."""
    if value.style not in ("'", '"') or value.line != value.last:
        return False
    return (
        PLAIN.fullmatch(value.text) is not None and value.text.lower() not in WORDS and ": " not in value.text
    )


def indented(file: ChangedFile, schema: Value) -> Iterator[Finding]:
    """The first line of each block that does not begin two columns behind what holds it."""
    for parent in schema.below():
        for value in (*(held for _, held in parent.entries), *parent.items):
            if value.kind == "scalar" or value.flow or parent.flow or value.line not in file.added_numbers:
                continue
            step = value.column - parent.column
            if step != STEP:
                yield file.finding(
                    value.line, f"indented by {step} columns, and not by two (yamllint: wrong indentation)"
                )


def wide(file: ChangedFile, item: Value, nodes: tuple[Node, ...]) -> int:
    """The first added line of an example that stands neither two nor four columns behind its node, 0 for none."""
    lines = item.text.split("\n")

    def column(line: int) -> int:
        text = lines[line - item.line - 1] if 0 < line - item.line <= len(lines) else ""
        return len(text) - len(text.lstrip(" "))

    for node in (each for top in nodes for each in top.below()):
        for held in node.properties[:1]:
            own = held.line > node.line and held.line in file.added_numbers and not node.guarded
            if own and column(held.line) - column(node.line) not in EXAMPLE_STEPS:
                return held.line
    return 0


START = """
>>> patch dt-bindings: iio: add a part
Add it.
>>> file Documentation/devicetree/bindings/iio/acme,part.yaml
"""

RULE = Rule(
    name="schema-form",
    summary="A schema of a binding has quotes that are not needed, another indentation or another order than all",
    why="dt_binding_check runs yamllint with settings of its own, and each of its lines is asked about in review.",
    source="Documentation/devicetree/bindings/.yamllint; writing-schema.rst (Coding style)",
    severity="warning",
    confidence="high",
    check=check,
    wakes=("documentation/devicetree/bindings/",),
    bad=(
        START
        + """\
+title: Part
+properties:
+    compatible: // want "indented by 4 columns"
+      const: "part" // want "needs no quotes"
+required:
+- compatible // want "indented by 0 columns"
""",
        START
        + """\
+title: 'Part' // want "needs no quotes"
+additionalProperties: false // want "stands behind required"
+required: [compatible]
+examples:
+  - |
+    sensor {
+            compatible = "acme,part"; // want "by four spaces"
+    };
""",
    ),
    good=(
        START
        + """\
+title: "Part: a sensor"
+properties:
+  compatible:
+    enum:
+      - "acme,part"
+      - "1234"
+      - 'on'
+  "#clock-cells":
+    const: 1
+  label:
+    pattern: "^a[0-9]$"
+required: ["a, b", compatible]
""",
        START
        + """\
+title: Part
+allOf:
+  - if:
+      properties:
+        a: true
+    then: false
+  -
+    - a
+examples:
+  - |
+    sensor {
+      compatible = "acme,part";
+      child { a; };
+    };
""",
        """
>>> tree Documentation/devicetree/bindings/iio/acme,part.yaml
title: Part
properties:
    compatible:
      const: "acme,part"
>>> patch dt-bindings: iio: add a property
The form was so before.
>>> file Documentation/devicetree/bindings/iio/acme,part.yaml
 properties:
     compatible:
       const: "acme,part"
+    reg: true
""",
    ),
)
