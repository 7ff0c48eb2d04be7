"""A part of a schema that the meta-schemas refuse, or that contradicts another part."""

from collections.abc import Iterator

from patchscan.devicetree.changed import Value, schemas
from patchscan.devicetree.schema import Part, allows, closes, parts, required
from patchscan.rule import Context, Finding, Rule, Silence, pattern

PLAIN_PATTERN = pattern(r"\^[a-zA-Z0-9,\-._#@]+\$")
UNITS = pattern(
    r"(?<!^opp)-(?:bits|bps|kBps|percent|bp|db|mhz|hz|sec|us|ns|ps|mm|ms|nanoamp|microamp(?:-hours)?|micro-ohms|"
    r"microwatt-hours|microvolt|(?:femto|pico)farads|(?:milli)?celsius|kelvin|k?pascal|ohms)$"
)
# Those with a unit that say their type by themselves, by way of exception.
OWN_TYPES = pattern(r"^(?:ti,[xy]-plate-ohms|ti,reset-bits|.*(?:rvell,wakeup-gap|refresh-interval)-ms)$")
VENDOR = pattern(r"^[a-z0-9-]+,[\w.+-]*$")
TYPES = ("boolean", "object")


def check(context: Context) -> Iterator[Finding | Silence]:
    """What is wrong with the parts of a schema that a patch brings."""
    for file, schema in schemas(context):
        for line, what in (*(each for part in parts(schema) for each in faults(part)), *unlisted(schema)):
            if line in file.added_numbers:
                yield file.finding(line, what)


def faults(part: Part) -> Iterator[tuple[int, str]]:
    """(line, what is wrong) with one part."""
    yield from sizes(part.value)
    yield from ways(part.value)
    name = part.name
    if name is None or part.role not in ("properties", "patternProperties"):
        return
    if part.role == "patternProperties" and PLAIN_PATTERN.fullmatch(name.text):
        yield name.line, f"{name.text} is a fixed name: it belongs into properties"
    if part.conditional or part.role != "properties":
        return
    held = part.value.get("type")
    if held is not None and held.kind == "scalar" and held.text not in TYPES:
        yield (
            held.line,
            f"type is boolean or object here, and not {held.text}: a $ref to types.yaml tells others",
        )
    yield from vendor(name, part.value)


def sizes(value: Value) -> Iterator[tuple[int, str]]:
    """Numbers of items that the list of items says already."""
    items = value.get("items")
    if items is None or items.kind != "sequence" or value.get("additionalItems") is not None:
        return
    count = len(items.items)
    for name, wrong in (("maxItems", True), ("minItems", False)):
        held, key = value.get(name), value.key(name)
        if held is None or key is None or not held.text.isdigit():
            continue
        if wrong or int(held.text) >= count:
            yield key.line, f"{name} is not needed beside a list of {count} items"


def ways(value: Value) -> Iterator[tuple[int, str]]:
    """Constants as ways of their own."""
    held = value.get("oneOf")
    if held is not None and len(held.items) > 1 and all(each.names == {"const"} for each in held.items):
        yield held.line, "an enum instead of oneOf with one const each"


def vendor(name: Value, value: Value) -> Iterator[tuple[int, str]]:
    """A property of a vendor: its description, and its type, which its unit tells where it has one."""
    reference = value.get("$ref")
    if UNITS.search(name.text) and reference is not None and not OWN_TYPES.match(name.text):
        if "/types.yaml#" in reference.text:
            yield reference.line, f"{name.text} has its type from its unit: no $ref"
        return
    if not VENDOR.match(name.text) or name.text.startswith("linux,") or not value.entries:
        return
    plain = reference is not None and "types.yaml#/definitions/" in reference.text
    held = value.get("type")
    if value.get("description") is None and (plain or (held is not None and held.text == "boolean")):
        yield name.line, f"{name.text} needs a description: it is a property of one vendor"


def unlisted(schema: Value) -> Iterator[tuple[int, str]]:
    """Names that are required, and that the same schema refuses."""
    if closes(schema) and schema.get("$ref") is None:
        for name in required(schema):
            if not allows(schema, name.text) and "@" not in name.text:
                yield (
                    name.line,
                    f"{name.text} is required, but no property of this schema, which allows no others",
                )


START = """
>>> patch dt-bindings: iio: add a part
Add it.
>>> file Documentation/devicetree/bindings/iio/acme,part.yaml
+title: Part
"""

RULE = Rule(
    name="schema-keyword",
    summary="A part of a schema is refused by the meta-schemas, or contradicts another part",
    why="dt_binding_check holds each schema against meta-schemas. A name that is required and not allowed lets no node "
    "pass.",
    source="meta-schemas of dtschema (core, items, keywords, vendor-props); "
    "Documentation/devicetree/bindings/writing-schema.rst (Property Schema)",
    severity="warning",
    confidence="high",
    check=check,
    wakes=("documentation/devicetree/bindings/",),
    bad=(
        START
        + """\
+properties:
+  compatible:
+    oneOf:
+      - const: acme,part // want "an enum instead of oneOf"
+      - const: acme,other
+  clocks:
+    items:
+      - description: bus
+      - description: core
+    maxItems: 2 // want "maxItems is not needed beside a list of 2 items"
+    minItems: 2 // want "minItems is not needed"
+  acme,wait-us:
+    description: How long.
+    $ref: /schemas/types.yaml#/definitions/uint32 // want "type from its unit"
+  acme,fast: // want "acme,fast needs a description"
+    type: boolean
+  acme,mode:
+    description: The mode.
+    type: string // want "not string"
+patternProperties:
+  "^channel$": true // want "fixed name"
""",
        START
        + """\
+properties:
+  compatible:
+    const: acme,part
+required:
+  - compatible
+  - clocks // want "clocks is required, but no property"
+additionalProperties: false
""",
    ),
    good=(
        START
        + """\
+properties:
+  compatible:
+    oneOf:
+      - const: acme,part
+      - items:
+          - const: acme,other
+          - const: acme,part
+  clocks:
+    minItems: 1
+    items:
+      - description: bus
+      - description: core
+  acme,wait-us:
+    description: How long.
+    minimum: 5
+  acme,fast:
+    description: Fast.
+    type: boolean
+  linux,code: true
+required:
+  - compatible
+  - clocks
+additionalProperties: false
""",
        START
        + """\
+properties:
+  compatible:
+    const: acme,part
+patternProperties:
+  "^channel[0-9]$":
+    type: object
+required:
+  - compatible
+  - channel0
+  - status
+additionalProperties: false
""",
        START
        + """\
+allOf:
+  - $ref: /schemas/spi/spi-peripheral-props.yaml#
+required:
+  - spi-max-frequency
+unevaluatedProperties: false
""",
    ),
)
