"""Names for findings that survive a rebase and a new revision of the series."""

from collections import Counter
from collections.abc import Iterable

from patchscan.basics.record import replace
from patchscan.finding import Finding


def with_fingerprints(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings, each with a fingerprint of 16 hexadecimal digits.

    It is made of the rule, the path and the text of the line without its white space, and of a count where
    these are the same; never of line numbers, patch numbers or the wording of the message.
    """
    found = tuple(findings)
    if not found:
        return ()
    # OpenSSL takes its time to load, and many patches are clean.
    import hashlib

    seen: Counter[tuple[str, str, str]] = Counter()
    marked = []
    for finding in found:
        key = (finding.rule, finding.path, "".join(finding.text.split()))
        digest = hashlib.sha256("\0".join((*key, str(seen[key]))).encode("utf-8", "surrogateescape"))
        seen[key] += 1
        marked.append(replace(finding, fingerprint=digest.hexdigest()[:16]))
    return tuple(marked)
