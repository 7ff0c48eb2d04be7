"""Files of a kernel tree that rules read as text only or judge in part, by kind, and what judges them in our place."""

from collections import Counter
from collections.abc import Iterable

from patchscan.basics.pattern import pattern

# The first that matches counts. What judges a kind: Documentation/dev-tools, rust/ and devicetree/writing-schema.rst.
_KINDS = (
    (r"Documentation/devicetree/bindings/.*\.yaml$", "Devicetree schemas", "make dt_binding_check"),
    (r"Documentation/devicetree/bindings/", "Devicetree bindings", "make dt_binding_check"),
    (r".*\.dts[io]?$", "Devicetree sources", "make dtbs_check"),
    (r".*\.rs$", "Rust", "make CLIPPY=1"),
    (r".*\.S$", "assembly", ""),
    (r"Documentation/.*\.(?:rst|txt)$", "documentation", "make htmldocs"),
    (r"tools/testing/.*", "tests", "make kselftest"),
    (r"(?:tools|samples|scripts|Documentation|usr)/.*\.(?:[ch]|cpp|rs|lds?)$", "programs for user space", ""),
    (r".*\.(?:py|sh|pl|awk|sed)$", "scripts", ""),
)
# Those that a reader of ours takes apart, too.
_PARTLY = ("Devicetree schemas", "Devicetree sources")
_PATTERNS = tuple((pattern(shape), kind, judge) for shape, kind, judge in _KINDS)


def read_as_text(paths: Iterable[str]) -> str:
    """One line on the files that rules read but as text, or judge in part, "" where there are none."""
    counted: Counter[tuple[str, str]] = Counter()
    for path in paths:
        found = next(((kind, judge) for shape, kind, judge in _PATTERNS if shape.match(path)), None)
        if found:
            counted[found] += 1
    told: dict[str, list[str]] = {"judged in part": [], "read as text only": []}
    for (kind, judge), count in counted.items():
        files = f"{count} file{'s' * (count != 1)}{f'; `{judge}` judges them' if judge else ''}"
        told["judged in part" if kind in _PARTLY else "read as text only"].append(f"{kind} ({files})")
    return "; ".join(f"{words}: {', '.join(parts)}" for words, parts in told.items() if parts)
