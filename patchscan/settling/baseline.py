"""Findings that are known and accepted, by fingerprint, in a file beside the source and not in it.

[[known]]
fingerprint = "0123456789abcdef"
reason = "kept as in the other callers, <20260102.3@example.org>"
rule = "missing-braces"        # these three are for the reader
path = "mm/gup.c"
text = "if (found)"
"""

import json
import os
from collections.abc import Mapping

from patchscan.basics.printable import printable
from patchscan.basics.record import replace
from patchscan.basics.usage import UsageError, read_toml
from patchscan.finding import Finding
from patchscan.results import Report
from patchscan.settling.config import check_keys


def read_baseline(path: str) -> dict[str, str]:
    """Fingerprint -> reason. Raises UsageError where the file cannot be read or an entry has no reason."""
    table = read_toml(path)
    check_keys(table, ("known",), path)
    entries = table.get("known", [])
    if not isinstance(entries, list):
        raise UsageError(f"{path}: known wants tables: [[known]]")
    known: dict[str, str] = {}
    for number, entry in enumerate(entries, 1):
        words = [entry.get(key) if isinstance(entry, dict) else None for key in ("fingerprint", "reason")]
        if not all(isinstance(word, str) and word.strip() for word in words):
            raise UsageError(f"{path}: entry {number} wants a fingerprint and a reason")
        known[str(words[0])] = str(words[1])
    return known


def accept(path: str, report: Report, reason: str) -> Report:
    """Add the findings that count to a baseline file, made where it is not there; returns them set aside.

    Raises UsageError where no file is named, for an empty reason, and where it cannot be read or written.
    """
    if not path:
        raise UsageError(
            "--accept wants a file: name it with --baseline, or as `baseline` in the configuration"
        )
    if not reason.strip():
        raise UsageError("--accept wants a reason: say why these findings may stay")
    # A pipe or device, too, is there, and refused when it is read.
    known: Mapping[str, str] = read_baseline(path) if os.path.lexists(path) else {}
    new = [each for each in report.findings if each.stands and each.fingerprint not in known]
    try:
        append(path, "".join(entry_of(finding, reason) for finding in new))
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror}") from None
    settled = (
        replace(each, suppressed=f"known: {reason}") if each.stands else each for each in report.findings
    )
    return replace(report, findings=tuple(settled))


def append(path: str, text: str) -> None:
    """Write text to the end of a file, all of it or nothing. Raises OSError."""
    with open(path, "ab", buffering=0) as file:
        end = file.seek(0, os.SEEK_END)
        content = text.encode()
        try:
            while content:
                content = content[file.write(content) :]
        except OSError:
            file.truncate(end)
            raise


def entry_of(finding: Finding, reason: str) -> str:
    """One entry as TOML; its strings are written as JSON writes them, which TOML reads."""
    fields = {
        "fingerprint": finding.fingerprint,
        "reason": reason,
        "rule": finding.rule,
        "path": finding.path,
        "text": finding.text.strip(),
    }
    rows = [f"{key} = {json.dumps(printable(value), ensure_ascii=False)}\n" for key, value in fields.items()]
    return "[[known]]\n" + "".join(rows) + "\n"
