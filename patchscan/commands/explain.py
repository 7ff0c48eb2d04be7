"""A rule explained: the text of its own file, for the terminal or as JSON."""

import json
from textwrap import fill, indent

from patchscan.basics.fields import as_dict
from patchscan.rule import Rule
from patchscan.settling.trackrecord import read_records, sentences


def as_text(rule: Rule) -> str:
    """The rule's sections and examples as plain text."""
    parts = [
        f"{rule.name} ({rule.severity}, confidence {rule.confidence})",
        fill(rule.summary, 80),
        fill(f"Why: {rule.why}", 80),
        fill(f"Source: {rule.source}", 80),
        *(fill(f"Record: {line}", 80) for line in sentences(rule.name, read_records())),
    ]
    for title, examples in (("Flagged", rule.bad), ("Not flagged", rule.good)):
        parts += [f"{title}:\n\n{indent(example.strip(chr(10)), '    ')}" for example in examples]
    return "\n\n".join(parts) + "\n"


def as_json(rule: Rule) -> str:
    """The rule as one JSON object."""
    fields = ("name", "summary", "why", "source", "severity", "confidence", "bad", "good")
    record = [
        {"severity": severity, **as_dict(each)}
        for (name, severity), each in sorted(read_records().items())
        if name == rule.name
    ]
    return json.dumps({**{name: getattr(rule, name) for name in fields}, "record": record}, indent=2) + "\n"
