"""The Report: everything a scan found, as one value. One module a format renders it."""

from importlib import import_module

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

        return tuple(drafts(report, level))
    title = report.series.title if report.series else "no series"
    return ((f"{file_name(title)}.{SUFFIXES[form]}", render(report, form, width, colour, detail)),)


def render(report: Report, form: str, width: int = 80, colour: bool = False, detail: int = 0) -> str:
    """The report in one of the formats of patchscan.commands.scan.

    For `text` only: width in columns; colour; detail: -1 for the findings alone, 1 for what was set aside and why
    rules were silent as well.
    """
    if form == "text":
        from patchscan.report import text

        return text.render(report, width, colour, detail)
    if form in ("concise", "github", "b4"):
        from patchscan.report import one_line

        return one_line.render(report, form)
    module = import_module(f"patchscan.report.{form}")
    text_of: str = module.render(report)
    return text_of
