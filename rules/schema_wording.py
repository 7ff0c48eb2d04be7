"""Words of a schema that are not needed, or that speak of what is no hardware."""

from collections.abc import Iterator

from patchscan.devicetree.changed import Value, schemas
from patchscan.devicetree.schema import parts
from patchscan.rule import ChangedFile, Context, Finding, Rule, Silence, pattern

# What a text in lines cannot be without a bar: paragraphs, lists, columns, and what YAML reads otherwise.
FORMATTED = pattern(
    r"\n\s*\n|(?m:^\s*(?:[-*+•=~]|\d+[.):]|\w+\)|<|\||https?:))|:\s|\s#|:$|\S {2,}\S|(?m:^\s+\S)|(?m:^[\[{&!%@`'\"?>,])"
)
NAMES = pattern(r"^(?:clock|dma|interrupt|reset)-names$")
SUFFIX = {
    "clock-names": pattern(r"\w[-_]cl(?:oc)?k$"),
    "dma-names": pattern(r"\w[-_]dma$"),
    "interrupt-names": pattern(r"\w[-_](?:irq|int|interrupt)$"),
    "reset-names": pattern(r"\w[-_](?:rst|reset)$"),
}


def check(context: Context) -> Iterator[Finding | Silence]:
    """Remarks on what a patch adds: of bars one a file."""
    for file, schema in schemas(context):
        yield from bars(file, schema)
        yield from suffixes(file, schema)


def bars(file: ChangedFile, schema: Value) -> Iterator[Finding]:
    """Descriptions that keep their lines where there is nothing to keep."""
    found = []
    for value in schema.below():
        held = value.get("description") if value.kind == "mapping" else None
        if held is not None and held.style == "|" and held.line in file.added_numbers:
            text = held.text.rstrip("\n")
            if text and not FORMATTED.search(text) and (text.count("\n") or len(text) < 100):
                found.append(held.line)
    if found:
        more = f"; the same: line {', '.join(str(line) for line in found[1:6])}" if found[1:] else ""
        more += " and others" if len(found) > 6 else ""
        yield file.finding(found[0], f'a description of one paragraph needs no "|"{more}')


def suffixes(file: ChangedFile, schema: Value) -> Iterator[Finding]:
    """Names that say again what they are names of; those of all entries of a list, and new ones only."""
    for part in parts(schema):
        shape = SUFFIX.get(part.name.text) if part.name is not None and part.role == "properties" else None
        for value in part.value.below() if shape is not None else ():
            held = value.get("const")
            if held is not None and shape is not None and held.line in file.added_numbers:
                found = shape.search(held.text)
                if found and part.name is not None:
                    short = held.text[: found.start() + 1]
                    yield file.finding(
                        held.line, f"{held.text}: {part.name.text} need no such suffix, {short} says it"
                    )


START = """
>>> patch dt-bindings: iio: add a part
Add it.
>>> file Documentation/devicetree/bindings/iio/acme,part.yaml
+title: Part
"""

RULE = Rule(
    name="schema-wording",
    summary="A schema has a bar before a plain text, or names that say twice what they are",
    why="A bar keeps the lines of a text as they are, which a paragraph does not need; the names of clocks are clocks.",
    source="Documentation/devicetree/bindings/writing-bindings.rst (Typical cases and caveats); review of bindings",
    severity="info",
    confidence="high",
    check=check,
    wakes=("documentation/devicetree/bindings/",),
    bad=(
        START
        + """\
+description: | // want "needs no .|."
+  A part that measures
+  what there is.
+properties:
+  clock-names:
+    items:
+      - const: ref_clk // want "ref_clk: clock-names need no such suffix, ref says it"
+      - const: bus
""",
        START
        + """\
+properties:
+  reset-names:
+    const: phy-rst // want "phy says it"
+  acme,mode:
+    description: | // want "the same: line 9"
+      The mode.
+  acme,other:
+    description: |
+      The other.
""",
    ),
    good=(
        START
        + """\
+description: |
+  A part:
+    0: off
+    1: on
+properties:
+  a:
+    description: |
+      One.
+
+      Two.
+  b:
+    description: |
+      - one
+      - two
+  c:
+    description: |
+      See https://example.org/a #1
+      Mode: one
+  d:
+    description: >
+      A text.
""",
        START
        + """\
+properties:
+  clock-names:
+    items:
+      - const: ref
+      - const: clk
+  reset-names:
+    const: rst
+  output-names:
+    const: a_clk
""",
        """
>>> tree Documentation/devicetree/bindings/iio/acme,part.yaml
description: |
  A part.
>>> patch dt-bindings: iio: name a part
The bar was there.
>>> file Documentation/devicetree/bindings/iio/acme,part.yaml
+title: Part
 description: |
-  A part.
+  A part of ours.
""",
    ),
)
