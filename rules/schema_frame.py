"""A schema of a binding that lacks what each must have, or whose $id or title is refused."""

from collections.abc import Iterator

from patchscan.devicetree.changed import BINDINGS, schemas
from patchscan.devicetree.yaml_text import Value
from patchscan.rule import ChangedFile, Context, Finding, Rule, Silence, pattern

NEEDED = ("$id", "$schema", "title", "maintainers")
CLOSED = ("additionalProperties", "unevaluatedProperties")
PREFIX = "http://devicetree.org/schemas/"
META = ("http://devicetree.org/meta-schemas/core.yaml#", "http://devicetree.org/meta-schemas/base.yaml#")
# What the meta-schema refuses in a title, and what is said as often.
REPEATS = pattern(r"[Bb]inding| [Ss]chema|[Dd]evice[- ]?[Tt]ree|\bDT\b")
PERSON = pattern(r".+ <\S+@\S+>|\S+@\S+")


def check(context: Context) -> Iterator[Finding | Silence]:
    """What a new schema lacks, and what is wrong with the lines that a patch adds."""
    for file, schema in schemas(context):
        if file.change.kind == "create":
            yield from lacking(file, schema)
        yield from identity(file, schema)
        title = schema.get("title")
        if title is not None and title.line in file.added_numbers:
            yield from heading(file, title)
        maintainers = schema.get("maintainers")
        for person in maintainers.items if maintainers is not None else ():
            if person.line in file.added_numbers and not PERSON.fullmatch(person.text):
                yield file.finding(person.line, "a maintainer is told as Name <address>, or as an address")


def lacking(file: ChangedFile, schema: Value) -> Iterator[Finding]:
    """The names that each schema has, as far as they are missing."""
    missing = [name for name in NEEDED if schema.get(name) is None]
    if missing:
        yield file.finding(1, f"a schema needs {', '.join(missing)}: dt_binding_check refuses it")
    held = [name for name in CLOSED if schema.get(name) is not None]
    meta = schema.get("$schema")
    if not held and (meta is None or meta.text != META[1]):
        yield file.finding(1, f"neither {CLOSED[0]} nor {CLOSED[1]}: dt_binding_check asks for one of them")
    elif len(held) > 1:
        key = schema.key(CLOSED[1])
        if key is not None:
            yield file.finding(
                key.line, f"both {CLOSED[0]} and {CLOSED[1]}: dt_binding_check allows one of them"
            )


def identity(file: ChangedFile, schema: Value) -> Iterator[Finding]:
    """An $id that is not that of the file, and a $schema that is none."""
    named, meta = schema.get("$id"), schema.get("$schema")
    wanted = f"{PREFIX}{file.path.removeprefix(BINDINGS)}#"
    moved = file.change.kind in ("rename", "copy")
    if named is not None and named.text != wanted and (moved or named.line in file.added_numbers):
        yield file.finding(named.line, f"the $id of this file is {wanted}")
    if meta is not None and meta.text not in META and meta.line in file.added_numbers:
        yield file.finding(meta.line, f"the $schema of a binding is {META[0]}")


def heading(file: ChangedFile, title: Value) -> Iterator[Finding]:
    """A title that says what all schemas are, or that is a sentence."""
    found = REPEATS.search(title.text)
    if found:
        repeated = found[0].strip()
        yield file.finding(
            title.line, f'the title names the hardware: without "{repeated}", all files here are that'
        )
    elif title.text.endswith(".") and not title.text.endswith(("etc.", "Inc.", "Ltd.", "Co.")):
        yield file.finding(title.line, "a title ends without a full stop", severity="info")


FRAME = """\
+# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
+%YAML 1.2
+---
+$id: http://devicetree.org/schemas/iio/acme,part.yaml#
+$schema: http://devicetree.org/meta-schemas/core.yaml#
+title: ACME part
+maintainers:
+  - A Person <a@example.org>
+properties:
+  compatible:
+    const: acme,part
+additionalProperties: false
"""
START = """
>>> patch dt-bindings: iio: add a part
Add it.
>>> file Documentation/devicetree/bindings/iio/acme,part.yaml
"""

RULE = Rule(
    name="schema-frame",
    summary="A schema of a binding lacks what each must have, or its $id or title is refused",
    why="dt_binding_check finds schemas by their $id and refuses those that lack a part of the frame or whose title "
    "says that it is a binding.",
    source="Documentation/devicetree/bindings/writing-schema.rst ; meta-schemas core.yaml and base.yaml",
    severity="warning",
    confidence="high",
    check=check,
    wakes=("documentation/devicetree/bindings/",),
    bad=(
        START
        + FRAME.replace(
            "ACME part\n", 'Device Tree binding of a part // want "without .Device Tree."\n'
        ).replace(
            "iio/acme,part.yaml#\n",
            'adc/acme,part.yaml# // want "is http://devicetree.org/schemas/iio/acme,part.yaml#"\n',
        ),
        START
        + FRAME.replace("+additionalProperties: false\n", "")
        .replace("+maintainers:\n+  - A Person <a@example.org>\n", "")
        .replace(
            "BSD-2-Clause)\n", 'BSD-2-Clause) // want "needs maintainers" "neither additionalProperties"\n'
        ),
        """
>>> tree Documentation/devicetree/bindings/iio/acme,part.yaml
title: ACME part
maintainers:
  - B Person <b@example.org>
>>> patch dt-bindings: iio: change a part
Change it.
>>> file Documentation/devicetree/bindings/iio/acme,part.yaml
-title: ACME part
+title: ACME part. // want "without a full stop"
 maintainers:
   - B Person <b@example.org>
+  - A Person // want "Name <address>"
""",
    ),
    good=(
        START + FRAME,
        START + FRAME.replace("additionalProperties: false", "unevaluatedProperties: false"),
        """
>>> tree Documentation/devicetree/bindings/iio/acme,part.yaml
title: Bindings of a part
>>> patch dt-bindings: iio: add a property
Its frame was so before.
>>> file Documentation/devicetree/bindings/iio/acme,part.yaml
 title: Bindings of a part
+description: A part
""",
    ),
)
