"""What a schema says of the nodes that it is for: its properties, what must be there, which compatible strings."""

from collections.abc import Iterator

from patchscan.basics.pattern import pattern
from patchscan.basics.record import frozen
from patchscan.devicetree.expressions import matches
from patchscan.devicetree.yaml_text import Value

_NAMED = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas")
_LISTS = ("allOf", "anyOf", "oneOf")
_SINGLE = ("if", "then", "else", "not", "items", "contains", "additionalProperties", "unevaluatedProperties")

# What the tools allow in every node, and beside certain properties.
_EVERYWHERE = (
    *("phandle", "status", "secure-status", "$nodename", "pinctrl-names", "ranges", "dma-ranges"),
    *(
        "interrupt-parent",
        "interrupts-extended",
        "assigned-clocks",
        "assigned-clock-rates",
        "assigned-clock-parents",
    ),
    *("assigned-clock-rates-u64", "assigned-clock-sscs", "bootph-all", "bootph-pre-ram", "bootph-some-ram"),
    *("bootph-pre-sram", "bootph-verify", "linux,phandle", "name"),
)
_PINS = pattern(r"pinctrl-[0-9]+")


@frozen
class Part:
    """A schema or a part of one: its value, the name that it has and what that is the name of ("" for none).

    conditional: whether it stands in an if, a branch of one, a not, one of several ways (anyOf, oneOf), or speaks of
    names that are not listed.
    """

    value: Value
    name: Value | None
    role: str
    conditional: bool


def parts(schema: Value) -> Iterator[Part]:
    """The schema and all schemas in it, in the order of the text."""
    yield from _parts(Part(schema, None, "", conditional=False))


def _parts(part: Part) -> Iterator[Part]:
    yield part
    for key, value in part.value.entries:
        if key.text in _NAMED:
            for name, held in value.entries:
                yield from _parts(Part(held, name, key.text, part.conditional))
        elif key.text in _LISTS or (key.text == "items" and value.items):
            some = part.conditional or key.text in ("anyOf", "oneOf")
            for item in value.items:
                yield from _parts(Part(item, None, key.text, some))
        elif key.text in _SINGLE and value.entries:
            some = part.conditional or key.text != "items"
            yield from _parts(Part(value, None, key.text, some))


def closes(schema: Value) -> bool:
    """Whether it allows the properties that it lists and no others."""
    held = schema.get("additionalProperties")
    return held is not None and held.text == "false" and not held.style


def allows(schema: Value, name: str) -> bool:
    """Whether a schema that closes allows a property or node of a name in some way: unsure is true."""
    if name in _EVERYWHERE or _PINS.fullmatch(name):
        return True
    for held in (schema.get("properties"), schema.get("patternProperties")):
        for key, _ in held.entries if held is not None else ():
            if key.text == name:
                return True
    patterns = schema.get("patternProperties")
    return any(
        matches(key.text, name, unsure=True) for key, _ in (patterns.entries if patterns is not None else ())
    )


def compatibles(schema: Value) -> Iterator[Value]:
    """The compatible strings that a schema lists, by const and enum."""
    properties = schema.get("properties")
    held = properties.get("compatible") if properties is not None else None
    for each in held.below() if held is not None else ():
        for name in ("const", "enum"):
            found = each.get(name)
            if found is not None:
                yield from found.items or (found,)


def compatible_patterns(schema: Value) -> tuple[str, ...]:
    """The expressions by which a schema takes compatible strings."""
    properties = schema.get("properties")
    held = properties.get("compatible") if properties is not None else None
    found = (each.get("pattern") for each in (held.below() if held is not None else ()))
    return tuple(each.text for each in found if each is not None)


def required(schema: Value) -> Iterator[Value]:
    """The names that a schema says must be there, whatever else holds."""
    held = schema.get("required")
    yield from held.items if held is not None else ()
