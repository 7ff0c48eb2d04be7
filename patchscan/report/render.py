"""The Report: everything a scan found, as one value. One module a format renders it."""

from importlib import import_module

from patchscan.basics.orders import inert
from patchscan.results import Report, file_name

SUFFIXES = {
    "text": "txt",
    "concise": "txt",
    "html": "html",
    "markdown": "md",
    "json": "json",
    "sarif": "sarif",
    "github": "txt",
    "b4": "txt",
    "patchwork": "txt",
    "gitlab": "json",
    "rdjson": "json",
}


def documents(
    report: Report, form: str, width: int = 80, colour: bool = False, detail: int = 0, level: str = "warning"
) -> tuple[tuple[str, str], ...]:
    """(file name, text) of what a format makes of a report: one document, for mail one a patch to reply to.

    level: a patch is replied to where it has a finding of that severity or above.
    """
    if form == "mail":
        from patchscan.report.mail import drafts

        return tuple((name, inert(text)) for name, text in drafts(report, level))
    if form == "fixups":
        from patchscan.report.fixups import fixups

        return tuple(fixups(report))
    title = report.series.title if report.series else "no series"
    return ((f"{file_name(title)}.{SUFFIXES[form]}", render(report, form, width, colour, detail)),)


def render(report: Report, form: str, width: int = 80, colour: bool = False, detail: int = 0) -> str:
    """The report in one of the formats of patchscan.basics.usage; no line of it is an order to a CI system.

    For `text` only: width in columns; colour; detail: -1 for the findings alone, 1 for what was set aside and why
    rules were silent as well.
    """
    if form == "text":
        from patchscan.report import text

        return inert(text.render(report, width, colour, detail))
    if form in ("concise", "github", "b4"):
        from patchscan.report import one_line

        return inert(one_line.render(report, form), form)
    module = import_module(f"patchscan.report.{form}")
    text_of: str = module.render(report)
    return inert(text_of, form)
