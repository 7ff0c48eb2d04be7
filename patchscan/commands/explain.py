"""A rule explained: the text of its own file, for the terminal or as JSON."""

import json
from collections.abc import Sequence
from textwrap import fill, indent

from patchscan.basics.columns import drawn
from patchscan.basics.fields import as_dict
from patchscan.report.pages import page_of
from patchscan.rule import Rule
from patchscan.settling.trackrecord import read_records, sentences


def as_list(rules: Sequence[Rule], width: int = 0) -> str:
    """A line a rule; width: that of the terminal on which they are drawn as a table, 0 for none."""
    if width:
        rows = (
            ((rule.name, f"link {page}" if (page := page_of(rule)) else ""), rule.severity, rule.summary)
            for rule in rules
        )
        return drawn(("rule", "severity", "what it finds"), rows, width, whole=(0, 1))
    longest = max((len(rule.name) for rule in rules), default=0)
    return "".join(f"{rule.name:{longest}}  {rule.severity:7}  {rule.summary}\n" for rule in rules)


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
