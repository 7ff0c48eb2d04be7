"""What a CI system would obey on standard output, made text: commands that begin a line, or stand anywhere in it."""

import re

from patchscan.basics.pattern import pattern

# GitHub: "::name ...::", blanks before it do not count (actions/runner, ActionCommand.TryParseV2); "##[name]" anywhere
# in a line (TryParse). Azure Pipelines: "##vso[...]". TeamCity: "##teamcity[...]".
_BEGINS = pattern(r"^([^\S\n]*):(?=:)", re.M)
_ANYWHERE = pattern(r"#(?=#[\w.]*\[)")
_SIGNS = {
    "html": ("&#58;", "&#35;"),
    **dict.fromkeys(("json", "sarif", "gitlab", "rdjson"), ("\\u003a", "\\u0023")),
}


def inert(text: str, form: str = "text") -> str:
    """The text of a report with no such order in it; form: its format, which says how a sign is written otherwise."""
    colon, number = _SIGNS.get(form, ("\\x3a", "\\x23"))
    if "##" in text:
        text = _ANYWHERE.sub(lambda found: number, text)
    if "::" in text and form != "github":
        text = _BEGINS.sub(lambda found: found[1] + colon, text)
    return text
