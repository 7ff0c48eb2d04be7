"""A schema that is no YAML, or a schema or Devicetree source that is not judged."""

from collections.abc import Iterator

from patchscan.devicetree.changed import unread
from patchscan.rule import Context, Finding, Rule, Silence


def check(context: Context) -> Iterator[Finding | Silence]:
    """One remark a file: no other rule says anything of it then."""
    for file, line, why, bound in unread(context):
        if bound:
            yield file.finding(line, f"this file is not judged: {why}", severity="info")
        else:
            yield file.finding(line, f"this is no YAML, dt_binding_check ends here: {why}")


RULE = Rule(
    name="devicetree-unreadable",
    summary="A schema of a binding is no YAML, or one that is not judged",
    why="dt_binding_check checks nothing in such a file, and neither does patchscan.",
    source="Documentation/devicetree/bindings/writing-schema.rst; YAML 1.2",
    severity="warning",
    confidence="high",
    check=check,
    wakes=("documentation/devicetree/bindings/", ".dts"),
    bad=(
        """
>>> patch dt-bindings: iio: add a part
Add it.
>>> file Documentation/devicetree/bindings/iio/acme,part.yaml
+title: Part
+description: Mode: one of two // want "this is no YAML"
""",
        """
>>> patch dt-bindings: iio: add a part
Add it.
>>> file Documentation/devicetree/bindings/iio/acme,part.yaml
+title: Part
+properties: &all // want "not judged: .* no anchors"
+  clocks: true
+patternProperties: *all
""",
    ),
    good=(
        """
>>> patch dt-bindings: iio: add a part
Add it.
>>> file Documentation/devicetree/bindings/iio/acme,part.yaml
+title: Part
+description: |
+  Mode: one of two
""",
        """
>>> tree Documentation/devicetree/bindings/iio/acme,part.yaml
title: Part
description: Mode: one of two
>>> patch dt-bindings: iio: change a title
It was so before.
>>> file Documentation/devicetree/bindings/iio/acme,part.yaml
-title: Part
+title: A part
 description: Mode: one of two
""",
        """
>>> patch dt-bindings: iio: add a text
Not a schema.
>>> file Documentation/devicetree/bindings/iio/acme,part.txt
+Mode: one: of two
""",
    ),
)
