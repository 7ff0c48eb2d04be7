"""Several reports of one format as one document, for what reads one document only."""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, Protocol

from patchscan.basics.orders import inert
from patchscan.basics.pattern import pattern
from patchscan.report.sarif import MOST_RUNS

_TITLE = pattern(r"<title>(.*?)</title>", re.DOTALL)
_ANCHOR = pattern(r'(\b(?:id|for)="|href="#)')


class Texts(Protocol):
    """Some texts, which need not all be in memory."""

    def __len__(self) -> int: ...

    def __getitem__(self, number: int, /) -> str: ...

    def __iter__(self) -> Iterator[str]: ...


def joined(form: str, texts: Texts) -> Iterator[str]:
    """The documents of several series as one, in pieces; of one series it stays as it is.

    json: an array of reports; sarif: one log with a run a series; gitlab, rdjson: one list of findings; html: one page.
    texts: read twice at most, and of all but sarif one at a time.
    """
    if len(texts) == 1:
        yield texts[0]
    elif form == "html":
        yield from joined_pages(texts)
    elif form == "sarif":
        yield inert(written(joined_logs(map(json.loads, texts))), form)
    elif form == "gitlab":
        yield from listed("[]\n", (inert(written(each), form) for text in texts for each in json.loads(text)))
    elif form == "rdjson":
        said = (each for text in texts for each in json.loads(text)["diagnostics"])
        source = json.loads(texts[0])["source"] if texts else {}
        frame = written({"source": source, "diagnostics": []})
        yield from listed(frame, (inert(written(each), form) for each in said))
    else:
        yield from listed("[]\n", texts)


def written(value: Any) -> str:
    """JSON as the formats write it."""
    return json.dumps(value, indent=2) + "\n"


def listed(frame: str, entries: Iterable[str]) -> Iterator[str]:
    """A document whose last "[]" holds some entries, each written as a document of its own."""
    head, _, tail = frame.rpartition("[]")
    margin = "\n" + " " * (len(head.rpartition("\n")[2]) - len(head.rpartition("\n")[2].lstrip()))
    yield head + "["
    mark = ""
    for entry in entries:
        yield mark + f"{margin}  " + entry.rstrip("\n").replace("\n", f"{margin}  ")
        mark = ","
    yield (margin if mark else "") + "]" + tail


def joined_logs(logs: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """One log; series of more than a host takes runs share the last one, whose rules are the same."""
    head: dict[str, Any] = {}
    kept: list[dict[str, Any]] = []
    names: dict[str, int] = {}
    for log in logs:
        head = head or log
        for run in log["runs"]:
            if len(kept) == MOST_RUNS:
                kept[-1]["results"] += run["results"]
                kept[-1]["invocations"] += run["invocations"]
                continue
            name = run["automationDetails"]["id"]
            names[name] = names.get(name, 0) + 1
            if names[name] > 1:
                run["automationDetails"]["id"] = f"{name}{names[name]}/"
            kept.append(run)
    return {**head, "runs": kept}


def joined_pages(pages: Texts) -> Iterator[str]:
    """One page: the head of the first, then what each shows below a list of their titles."""
    first = pages[0]
    yield first.partition("<body>")[0] + "<body>\n<nav><ul>\n"
    for number, page in enumerate(pages, 1):
        found = _TITLE.search(page)
        yield f'<li><a href="#series-{number}">{found[1] if found else ""}</a></li>\n'
    yield "</ul></nav>\n"
    for number, page in enumerate(pages, 1):
        body = page.partition("<body>")[2]
        # Attributes of the page are its own: what mail says is escaped and holds no quote.
        numbered = _ANCHOR.sub(rf"\g<1>s{number}-", body[: body.rindex("<script>")])
        yield f'<section id="series-{number}">\n{numbered}</section>\n'
    yield first[first.rindex("<script>") :]
