"""Several reports of one format as one document, for what reads one document only."""

import json
import re
from collections.abc import Sequence
from typing import Any

from patchscan.basics.pattern import pattern
from patchscan.report.sarif import MOST_RUNS

_TITLE = pattern(r"<title>(.*?)</title>", re.DOTALL)
_ANCHOR = pattern(r'(\b(?:id|for)="|href="#)')


def joined(form: str, texts: Sequence[str]) -> str:
    """The documents of several series as one; of one series it stays as it is.

    json: an array of reports; sarif: one log with a run a series; gitlab, rdjson: one list of findings; html: one page.
    """
    if len(texts) == 1:
        return texts[0]
    if form == "html":
        return joined_pages(texts)
    documents = [json.loads(text) for text in texts]
    if form == "sarif":
        return written(joined_logs(documents))
    if form == "gitlab":
        return written([entry for document in documents for entry in document])
    if form == "rdjson":
        said = [each for document in documents for each in document["diagnostics"]]
        return written({"source": documents[0]["source"] if documents else {}, "diagnostics": said})
    return written(documents)


def written(value: Any) -> str:
    """JSON as the formats write it."""
    return json.dumps(value, indent=2) + "\n"


def joined_logs(logs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """One log; series of more than a host takes runs share the last one, whose rules are the same."""
    runs = [run for log in logs for run in log["runs"]]
    names: dict[str, int] = {}
    for run in runs:
        name = run["automationDetails"]["id"]
        names[name] = names.get(name, 0) + 1
        if names[name] > 1:
            run["automationDetails"]["id"] = f"{name}{names[name]}/"
    kept = runs[:MOST_RUNS]
    for run in runs[MOST_RUNS:]:
        kept[-1]["results"] += run["results"]
        kept[-1]["invocations"] += run["invocations"]
    return {**logs[0], "runs": kept}


def joined_pages(pages: Sequence[str]) -> str:
    """One page: the head of the first, then what each shows below a list of their titles."""
    head, _, _ = pages[0].partition("<body>")
    script = pages[0][pages[0].rindex("<script>") :]
    bodies = [page.partition("<body>")[2][: page.partition("<body>")[2].rindex("<script>")] for page in pages]
    titles = [_TITLE.search(page) for page in pages]
    entries = [
        f'<li><a href="#series-{number}">{found[1] if found else ""}</a></li>'
        for number, found in enumerate(titles, 1)
    ]
    # Attributes of the page are its own: what mail says is escaped and holds no quote.
    numbered = [
        f'<section id="series-{number}">\n' + _ANCHOR.sub(rf"\g<1>s{number}-", body) + "</section>\n"
        for number, body in enumerate(bodies, 1)
    ]
    return f"{head}<body>\n<nav><ul>\n" + "\n".join(entries) + "\n</ul></nav>\n" + "".join(numbered) + script
