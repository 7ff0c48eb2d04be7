"""Whether what a rule says can be meant: fields of the right kind, words of the known sets."""

from patchscan.finding import Edit, Evidence, Finding, Silence

SEVERITIES = ("error", "warning", "info")
CONFIDENCES = ("high", "medium", "low")


def fault_of_remark(remark: object) -> str:
    """What is wrong with one remark of a rule, "" where nothing is."""
    if not isinstance(remark, Finding | Silence):
        return f"{_shown(remark)} is neither a Finding nor a Silence"
    fault = _fault_of_place(remark.path, remark.line)
    if fault:
        return fault
    if isinstance(remark, Silence):
        return "" if isinstance(remark.reason, str) else f"its reason is {_shown(remark.reason)}"
    return _fault_of_finding(remark)


def _fault_of_finding(finding: Finding) -> str:
    if not isinstance(finding.message, str) or not finding.message.strip():
        return f"its message is {_shown(finding.message)}"
    if finding.severity not in ("", *SEVERITIES):
        return f"its severity is {_shown(finding.severity)}, none of {', '.join(SEVERITIES)}"
    if finding.confidence not in ("", *CONFIDENCES):
        return f"its confidence is {_shown(finding.confidence)}, none of {', '.join(CONFIDENCES)}"
    for name in ("model", "suppressed"):
        value = getattr(finding, name)
        if not isinstance(value, str | None):
            return f"its {name} is {_shown(value)}"
    if not isinstance(finding.text, str) or not _is_count(finding.repaired_by or 0):
        return "its text or repaired_by is of another kind"
    return _fault_of_fix(finding.fix) or _fault_of_evidence(finding.evidence)


def _fault_of_fix(fix: object) -> str:
    if fix is None:
        return ""
    if not isinstance(fix, tuple) or not all(isinstance(edit, Edit) for edit in fix):
        return f"its fix is {_shown(fix)}, no tuple of edits"
    for edit in fix:
        rows = (edit.old, edit.new, edit.above, edit.below)
        if not all(isinstance(each, tuple) and all(isinstance(row, str) for row in each) for each in rows):
            return "an edit of its fix holds lines of another kind"
        fault = _fault_of_place(edit.path, edit.first)
        if fault:
            return f"in its fix {fault}"
    return ""


def _fault_of_evidence(evidence: object) -> str:
    if not isinstance(evidence, tuple):
        return f"its evidence is {_shown(evidence)}, no tuple"
    for each in evidence:
        if not isinstance(each, Evidence) or not isinstance(each.text, str):
            return f"its evidence holds {_shown(each)}"
        fault = _fault_of_place(each.path, each.line)
        if fault:
            return f"in its evidence {fault}"
    return ""


def _fault_of_place(path: object, line: object) -> str:
    if not isinstance(path, str) or not path:
        return f"its path is {_shown(path)}"
    return "" if _is_count(line) else f"its line is {_shown(line)}"


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 31


def _shown(value: object) -> str:
    """A value of unknown kind in a few words; its own representation may fail, too."""
    if isinstance(value, str | int | None):
        return repr(value)[:60] if not isinstance(value, int) or abs(value) < 1 << 64 else "a huge number"
    return f"of type {type(value).__name__}"
