"""An example of a schema that the schema refuses."""

from collections.abc import Iterator

from patchscan.devicetree.changed import Node, Value, examples, schemas
from patchscan.devicetree.schema import allows, closes, compatible_patterns, compatibles, required
from patchscan.rule import ChangedFile, Context, Finding, Rule, Silence, pattern

MACRO = pattern(r"[A-Z]{2}")


def check(context: Context) -> Iterator[Finding | Silence]:
    """The nodes of examples that a schema is for, held against what it lists; a schema that others add to is left."""
    for file, schema in schemas(context):
        known = {each.text: each for each in compatibles(schema)}
        if not known:
            continue
        elsewhere: list[tuple[int, str]] = []
        found_own = bool(compatible_patterns(schema))
        for _, nodes in examples(schema):
            strings = [
                (value, node)
                for top in nodes
                for node in top.below()
                for held in (node.get("compatible"),)
                if held is not None
                for value in held.values
            ]
            own = [node for value, node in strings if value.text in known]
            found_own = found_own or bool(own) or not strings
            elsewhere += [(value.line, value.text) for value, _ in strings[:1]]
            for node in dict.fromkeys(own):
                yield from faults(file, schema, node)
        for line, text in elsewhere[:1]:
            if not found_own and line in file.added_numbers:
                yield file.finding(
                    line, f'no example has a compatible string of this schema: "{text}" is none of them'
                )


def faults(file: ChangedFile, schema: Value, node: Node) -> Iterator[Finding]:
    """What a node has that the schema refuses, and what it lacks."""
    if node.broken or node.guarded or node.refers:
        return
    names = {each.name for each in node.properties} | {each.whole_name for each in node.nodes}
    if closes(schema):
        for line, name in (
            *((each.line, each.name) for each in node.properties),
            # A macro stands for a number.
            *((each.line, each.whole_name) for each in node.nodes if not MACRO.search(each.unit)),
        ):
            if line in file.added_numbers and not allows(schema, name):
                yield file.finding(
                    line,
                    f"{name}: the schema of this example lists no such property (additionalProperties: false)",
                )
    status = node.get("status")
    if status is not None and "disabled" in status.strings:
        return
    plain = names | {each.name for each in node.nodes}
    for each in required(schema):
        place = next((line for line in (node.line, each.line) if line in file.added_numbers), 0)
        if place and each.text not in plain and not stands_for(each.text, plain):
            yield file.finding(place, f"the example lacks {each.text}, which this schema requires")


def stands_for(name: str, names: set[str]) -> bool:
    """Whether something else may stand for a name that is required."""
    return name.startswith("$") or (name == "interrupts" and "interrupts-extended" in names)


START = """
>>> patch dt-bindings: iio: add a part
Add it.
>>> file Documentation/devicetree/bindings/iio/acme,part.yaml
+title: Part
+properties:
+  compatible:
+    enum: [ "acme,part", "acme,part-2" ]
+  reg: true
+  interrupts: true
+  vdd-supply: true
+patternProperties:
+  "^channel@[0-3]$": true
+required:
+  - compatible
+  - vdd-supply
+  - interrupts
+additionalProperties: false
+examples:
+  - |
+    i2c {
"""
END = """\
+    };
"""

RULE = Rule(
    name="schema-example",
    summary="An example of a schema has what the schema refuses, or lacks what it requires",
    why="The example is validated against the schema: dt_binding_check prints it, and so does the bot that reads mail.",
    source="Documentation/devicetree/bindings/writing-schema.rst (Schema Contents); writing-bindings.rst",
    severity="warning",
    confidence="high",
    check=check,
    wakes=("documentation/devicetree/bindings/",),
    bad=(
        START
        + """\
+        sensor@48 { // want "lacks vdd-supply"
+            compatible = "acme,part";
+            reg = <0x48>;
+            interrupts-extended = <&gpio 1 2>;
+            acme,mode = <1>; // want "acme,mode: .* no such property"
+            channel@4 { }; // want "channel@4: "
+        };
"""
        + END,
        START
        + """\
+        sensor@48 {
+            compatible = "acme,part-3"; // want "no example has a compatible string of this schema"
+        };
"""
        + END,
    ),
    good=(
        START
        + """\
+        sensor@48 {
+            compatible = "acme,part";
+            reg = <0x48>;
+            interrupts = <1>;
+            vdd-supply = <&vdd>;
+            pinctrl-0 = <&pins>;
+            pinctrl-names = "default";
+            channel@3 { };
+        };
+        other@49 {
+            compatible = "acme,other";
+        };
"""
        + END,
        (
            START
            + """\
+        sensor@48 {
+            compatible = "acme,part-2";
+            a;
+        };
"""
            + END
        )
        .replace("additionalProperties: false", "unevaluatedProperties: false")
        .replace("+  - vdd-supply\n+  - interrupts\n", ""),
        """
>>> tree Documentation/devicetree/bindings/iio/acme,part.yaml
properties:
  compatible:
    const: acme,part
required:
  - reg
examples:
  - |
    sensor {
        compatible = "acme,part";
    };
>>> patch dt-bindings: iio: name a part
Its example was so before.
>>> file Documentation/devicetree/bindings/iio/acme,part.yaml
+title: Part
 properties:
   compatible:
     const: acme,part
""",
    ),
)
