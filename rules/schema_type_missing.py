"""A property of a vendor that has no type."""

from collections.abc import Iterator

from patchscan.devicetree.changed import Value, schemas
from patchscan.devicetree.documented import mentions
from patchscan.devicetree.schema import parts
from patchscan.rule import Context, Finding, Rule, Silence, pattern

VENDOR = pattern(r"^(?!linux,)[a-z0-9-]+,[\w.+-]+$")
# Those whose type their name tells.
KNOWN = pattern(
    r"(?:-names|-gpios?|-supply|-cells|-(?:bits|bps|kBps|percent|bp|db|mhz|hz|sec|us|ns|ps|mm|ms|nanoamp|microamp|picoamp|"
    r"microamp-hours|micro-ohms|ohms|microwatt|milliwatt|microwatt-hours|microvolt|picofarads|femtofarads|celsius|"
    r"millicelsius|kelvin|k?pascal))$"
)
TELLS = ("$ref", "type", "allOf", "anyOf", "oneOf", "deprecated")


def check(context: Context) -> Iterator[Finding | Silence]:
    """The properties on added lines that no binding gives a type."""
    for file, schema in schemas(context):
        for part in parts(schema):
            if part.name is None or part.role != "properties" or part.conditional or not part.value.entries:
                continue
            name = part.name.text
            if part.name.line not in file.added_numbers or not VENDOR.match(name) or KNOWN.search(name):
                continue
            if part.value.names.isdisjoint(TELLS) and is_alone(context, schema, name):
                yield file.finding(
                    part.name.line,
                    f"{name} has no type: $ref: /schemas/types.yaml#/definitions/..., or type: boolean",
                )


def is_alone(context: Context, schema: Value, name: str) -> bool:
    """Whether only one place of all bindings has a property, so that no other gives it a type."""
    here = sum(name == key.text for each in schema.below() for key, _ in each.entries)
    return here == 1 and mentions(context.final, name) == 1


START = """
>>> tree Documentation/devicetree/bindings/iio/acme,other.yaml
properties:
  acme,common:
    $ref: /schemas/types.yaml#/definitions/uint32
>>> patch dt-bindings: iio: add a part
Add it.
>>> file Documentation/devicetree/bindings/iio/acme,part.yaml
+title: Part
+properties:
"""

RULE = Rule(
    name="schema-type-missing",
    summary="A property of a vendor has no type",
    why="Without one the tools do not know how to read the value, and check nothing of it: dt_binding_check prints "
    "missing type definition. An enum alone does not tell it.",
    source="Documentation/devicetree/bindings/writing-schema.rst ; writing-bindings.rst (Typical cases and caveats)",
    severity="warning",
    confidence="high",
    check=check,
    wakes=("documentation/devicetree/bindings/",),
    needs_tree=True,
    bad=(
        START
        + """\
+  acme,mode: // want "acme,mode has no type"
+    description: The mode.
+    enum: [0, 1]
""",
    ),
    good=(
        START
        + """\
+  acme,mode:
+    description: The mode.
+    $ref: /schemas/types.yaml#/definitions/uint32
+  acme,fast:
+    type: boolean
+    description: Fast.
+  acme,wait-us:
+    maximum: 10
+  acme,enable-gpios:
+    maxItems: 1
+  acme,old: true
""",
        START
        + """\
+  acme,common:
+    description: Another file has its type.
+    maximum: 1
""",
        START
        + """\
+  child:
+    type: object
+    properties:
+      acme,part: true
+  reg:
+    maxItems: 1
""",
    ),
)
