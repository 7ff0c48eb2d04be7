"""Trailers that are missing or do not say what they should: sign-offs, Fixes, Reported-by, Cc to stable."""

import re
from collections.abc import Iterator

from patchscan.rule import Context, Finding, Patch, Rule, Silence, Trailer, pattern

FIXES = pattern(r'(?P<commit>[0-9a-fA-F]{12,40}) \("(?P<subject>.+)"\)(?:\s*#.*)?')
BEHIND_SUBJECT = pattern(r'[0-9a-fA-F]{12,40} \(".+"\)(\s*[^\s#].*)')
COMMIT = pattern(r"(?:commit:?\s+)?([0-9a-fA-F]{5,40})\b", re.IGNORECASE)
STABLE = pattern(r"\bstable@(?:vger\.)?kernel\.org\b", re.IGNORECASE)
# "[PATCH 6.1 1/3]": made for a stable tree.
FOR_STABLE = pattern(r"\[[^\]]*(?:\b\d+\.\d+(?:\.y)?\b|stable)[^\]]*\]", re.IGNORECASE)
BACKPORT = pattern(r"\bcommit [0-9a-f]{12,40} upstream|\[ ?upstream commit [0-9a-f]{12,40}", re.IGNORECASE)
# What a changelog says that tells what goes wrong, or that only an id or quirk of a device is added.
EFFECT = pattern(
    r"crash|panic|oops|\bbugs?\b|\bfix|fail|leak|wrong|incorrect|invalid|corrupt|overflow|hang|hung|deadlock|race|"
    r"racy|regress|warning|error|broke|break|\blos[te]|stall|time-?out|after[- ]free|null|out[- ]of[- ]bounds|cannot|"
    r"can't|unable|missing|misses|never|prevent|problem|issue|quirk|\bids?\b|splat|lockdep|vulnerab|CVE-|undefined|"
    r"uninitiali[sz]ed|unexpected|trigger|doesn't|does not|didn't|no longer|stuck|freez|reset|noise|slow",
    re.IGNORECASE,
)
REPORTS = ("closes", "link", "buglink", "bug", "bugzilla", "references")
WRAPPED = pattern(rf"(?:{'|'.join(REPORTS)}):\s*", re.IGNORECASE)
# A mailing list or a relay sent it in the author's name, with an address of its own.
RELAYED = pattern(r" via |devnull\+|\bnoreply\b", re.IGNORECASE)
# Programs report in public.
ROBOT = pattern(r"robot|\bbot\b|\blkp\b|\bci\b", re.IGNORECASE)
# Addresses that anybody may have: two of the same domain do not work together.
ANYBODY = pattern(
    r"(?:g|hot|fox|proton|i?cloud|fast)?mail\.\w+|(?:outlook|live|yahoo|icloud|qq|163|126|gmx|web|proton|posteo|"
    r"yandex|kernel|linux|infradead)\.\w+",
    re.IGNORECASE,
)


def check(context: Context) -> Iterator[Finding | Silence]:
    """The trailers of one patch; one without a diff was cut down by whoever sent it."""
    if not context.patch.files:
        return
    yield from sign_offs(context)
    yield from early_sign_offs(context)
    yield from stable_by_mail_only(context)
    for trailer in context.patch.trailers:
        if trailer.key.lower() == "fixes":
            yield fixes(context, trailer)
        elif trailer.key.lower() in ("reported-by", "reported-and-tested-by"):
            yield reported(context, trailer)
        elif trailer.key.lower() == "co-developed-by":
            yield developed(context, trailer)
        elif trailer.key.lower() == "cc" and STABLE.search(trailer.value):
            yield stable(context, trailer)


def sign_offs(context: Context) -> Iterator[Finding | Silence]:
    """The author, and whoever sends the series, must have signed off."""
    from patchscan.mail.persons import same_person
    from patchscan.mail.plainmail import name_and_address

    patch = context.patch
    signed = [trailer for trailer in patch.trailers if trailer.key.lower() == "signed-off-by"]
    end = max(len(patch.changelog), 1)
    if not signed:
        request = "RFC" in patch.subject.upper().replace("RFC", " RFC ").split()
        yield context.changelog_finding(
            end,
            "there is no Signed-off-by: nobody can apply the patch without the author's",
            severity="info" if request else "",
        )
        return
    for person, role in people(context, patch):
        if any(same_person(person, trailer.value) for trailer in signed):
            yield context.changelog_fine(
                signed[-1].line, f"{name_and_address(person)[0] or person} has signed off"
            )
        else:
            yield context.changelog_finding(
                signed[-1].line, f"{name_and_address(person)[0] or person} {role}, but has not signed off"
            )


def early_sign_offs(context: Context) -> Iterator[Finding]:
    """Who signed off before the author had a share in the patch, which a trailer or a From: should name."""
    from patchscan.mail.persons import People, same_person
    from patchscan.mail.plainmail import name_and_address

    trailers = context.patch.trailers
    signed = [trailer for trailer in trailers if trailer.key.lower() == "signed-off-by"]
    own = next((at for at, each in enumerate(signed) if same_person(each.value, context.patch.author)), 0)
    named = People(each.value for each in trailers if each.key.lower() == "co-developed-by")
    early = [each for each in signed[:own] if each.value not in named]
    if early:
        names = " and ".join(name_and_address(each.value)[0] or each.value for each in early)
        yield context.changelog_finding(
            early[0].line,
            f"{names} signed off before the author: is Co-developed-by: missing above, or From: at the top?",
            confidence="medium",
        )


def stable_by_mail_only(context: Context) -> Iterator[Finding]:
    """A patch that is sent to stable asks for nothing: the trailer does, once the patch is merged."""
    patch = context.patch
    if any(STABLE.search(trailer.value) for trailer in patch.trailers):
        return
    told = BACKPORT.search("\n".join(patch.changelog)) or FOR_STABLE.search(patch.subject)
    if any(STABLE.search(each) for each in patch.recipients) and not told:
        yield context.changelog_finding(
            max(len(patch.changelog), 1),
            "the mail goes to stable, but no Cc: stable@vger.kernel.org stands among the trailers: "
            "the patch is not picked up by the mail alone",
        )


def people(context: Context, patch: Patch) -> Iterator[tuple[str, str]]:
    """(person, role) of those whose sign-off the patch needs, where they are known by name and address."""
    from patchscan.mail.persons import same_person
    from patchscan.mail.plainmail import name_and_address

    sender = context.series.cover.author if context.series.cover else ""
    if name_and_address(patch.author)[1] and not RELAYED.search(patch.author):
        yield patch.author, "is the author"
    if name_and_address(sender)[1] and not RELAYED.search(sender) and not same_person(sender, patch.author):
        yield sender, "sends the series"


def fixes(context: Context, trailer: Trailer) -> Finding | Silence:
    """Form of a Fixes trailer, and its subject where the tree's history holds the commit."""
    named = FIXES.fullmatch(trailer.value)
    commit = COMMIT.match(trailer.value)
    if named is None:
        if commit is None:
            fault = 'names no commit: write Fixes: <12 digits> ("subject"); a bug report goes into Closes:'
        elif len(commit[1]) < 12:
            fault = f"{commit[1]} is too short to stay unambiguous: give at least 12 digits of the commit"
        elif trailer.value.count('"') == 1:
            fault = "the subject runs over the end of the line: tools read one line only, so keep it on one"
        elif more := BEHIND_SUBJECT.fullmatch(trailer.value):
            fault = f'"{more[1].strip()}" follows the subject, where nothing is to follow'
        else:
            fault = 'the form is Fixes: <12 digits> ("subject of the commit")'
        return context.changelog_finding(trailer.line, f"the Fixes trailer: {fault}")
    tree = context.view.tree
    subject = tree.subject(named["commit"]) if tree else None
    if subject is None:
        return context.changelog_fine(
            trailer.line, "the form is right; the history at hand does not hold the commit"
        )
    if " ".join(subject.split()) != " ".join(named["subject"].split()):
        return context.changelog_finding(
            trailer.line, f'the subject of {named["commit"]} is "{subject}": is this the commit meant?'
        )
    return context.changelog_fine(trailer.line, "the commit has this subject")


def reported(context: Context, trailer: Trailer) -> Finding | Silence:
    """A report should be linked to, where it can be."""
    if any(each.key.lower() in REPORTS for each in context.patch.trailers):
        return context.changelog_fine(trailer.line, "the report is linked to")
    if any(WRAPPED.fullmatch(line) for line in context.patch.changelog):
        return context.changelog_fine(
            trailer.line, "the address of the report stands on a line below its trailer"
        )
    if "syzkaller" in trailer.value or "syzbot" in trailer.value:
        return context.changelog_fine(trailer.line, "the address names the report")
    if are_colleagues(trailer.value, context.patch.author):
        return context.changelog_fine(trailer.line, "the author's colleague may have told it in private")
    fix = any(each.key.lower() == "fixes" for each in context.patch.trailers)
    return context.changelog_finding(
        trailer.line,
        "where is the report? A Closes: trailer with its address should follow, unless it was private",
        severity="" if fix else "info",
    )


def developed(context: Context, trailer: Trailer) -> Finding | Silence:
    """A co-author must have signed off, in the next trailer."""
    from patchscan.mail.persons import following, same_person, signed_by
    from patchscan.mail.plainmail import name_and_address

    signed, among = signed_by(context.patch)
    own = among.first(trailer.value)
    if same_person(trailer.value, context.patch.author):
        return context.changelog_finding(
            trailer.line,
            "the author of the patch needs no Co-developed-by: it names those who wrote it with them",
            severity="info",
        )
    if own is None:
        name = name_and_address(trailer.value)[0] or trailer.value
        return context.changelog_finding(trailer.line, f"{name} is a co-author, but has not signed off")
    if following(context.patch).get(trailer.line) != signed[own]:
        return context.changelog_finding(
            trailer.line, "the co-author's Signed-off-by: should follow at once", severity="info"
        )
    return context.changelog_fine(trailer.line, "the co-author's sign-off follows")


def are_colleagues(reporter: str, author: str) -> bool:
    """Whether two "Name <address>" belong to one company or institute."""
    from patchscan.mail.plainmail import name_and_address

    domain, other = (name_and_address(each)[1].lower().partition("@")[2] for each in (reporter, author))
    return bool(domain) and domain == other and not ANYBODY.fullmatch(domain) and not ROBOT.search(reporter)


def stable(context: Context, trailer: Trailer) -> Finding | Silence:
    """The stable maintainers must know how far back a patch is wanted."""
    patch = context.patch
    if any(each.key.lower() == "fixes" for each in patch.trailers):
        return context.changelog_fine(trailer.line, "the Fixes trailer says how far back")
    changelog = "\n".join(patch.changelog)
    if BACKPORT.search(changelog):
        return context.changelog_fine(trailer.line, "it is a backport")
    if not EFFECT.search(f"{patch.title}\n{changelog}"):
        return context.changelog_finding(
            trailer.line,
            "what goes wrong for users without this patch? stable takes fixes, and how far back should be said, too",
            severity="info",
        )
    if "#" in trailer.value:
        return context.changelog_fine(trailer.line, "it says how far back")
    return context.changelog_finding(
        trailer.line,
        "how far back is this wanted in stable? Name the commit with Fixes:, or the version behind the address (# 6.1)",
        severity="info",
    )


RULE = Rule(
    name="trailers",
    summary="A trailer is missing or does not say what it should",
    why=(
        "Maintainers cannot take a patch that its author has not signed off. Stable maintainers and "
        "distributions follow Fixes: with tools, which need a commit of 12 digits and its subject on one line; "
        "a report without its address cannot be followed up."
    ),
    source=(
        "Documentation/process/submitting-patches.rst (sign your work, Co-developed-by, Reported-by, Fixes); "
        "Documentation/process/5.Posting.rst; Documentation/process/stable-kernel-rules.rst"
    ),
    severity="warning",
    confidence="high",
    check=check,
    bad=(
        """
>>> patch mm: walk together
The walk ends early.

Co-developed-by: Another Developer <another@example.com> // want "is a co-author, but has not signed off"
Co-developed-by: A Third <third@example.com> // want "should follow at once"
Signed-off-by: A Developer <developer@example.org>
Signed-off-by: A Third <third@example.com>
>>> file mm/example.c
+int x;
""",
        """
>>> patch mm: repair the walk
The walk ends early.

Fixes: 01234567 ("mm: walk") // want "too short"
Cc: stable@vger.kernel.org // want "no Signed-off-by"
>>> file mm/example.c
+int x;
""",
        """
>>> patch mm: repair the walk
The walk ends early.

Fixes: https://example.org/bug/1 // want "names no commit"
Reported-by: Another User <user@example.com> // want "where is the report"
Reported-by: example test robot <robot@example.org> // want "where is the report"
Cc: stable@vger.kernel.org
Signed-off-by: A Stranger <stranger@example.org> // want "A Developer is the author"
>>> file mm/example.c
+int x;
""",
        """
>>> patch mm: repair the walk
The walk ends early and does not see the last entry.

Cc: <stable@vger.kernel.org> // want "how far back"
Signed-off-by: A Third <third@example.com> // want "signed off before the author"
Signed-off-by: A Developer <developer@example.org>
>>> file mm/example.c
+int x;
>>> patch mm: walk with a helper
Use the helper in all walks.

Cc: <stable@vger.kernel.org> // want "what goes wrong for users"
Signed-off-by: A Developer <developer@example.org>
>>> file mm/third.c
+int x;
>>> patch mm: repair the walk again
It still ends early.

Fixes: 0123456789ab mm: walk // want "form"
Signed-off-by: A Developer <developer@example.org>
>>> file mm/other.c
+int x;
""",
        """
>>> patch mm: walk
Walk all entries.

Co-developed-by: A Developer <developer@example.org> // want "the author of the patch needs no Co-developed-by"
Signed-off-by: A Developer <developer@example.org>
>>> file mm/example.c
+int x;
""",
    ),
    good=(
        """
>>> patch mm: repair the walk
The walk ends early.

Fixes: 0123456789ab ("mm: walk")
Reported-by: example test robot <robot@example.org>
Closes:
https://example.org/bug/1
Signed-off-by: A Developer <developer@example.org>
>>> file mm/example.c
+int x;
""",
        """
>>> patch mm: walk together
The walk ends early.

Co-developed-by: Another Developer <another@example.com>
Signed-off-by: Another Developer <another+kernel@example.com>
Signed-off-by: A Developer <developer@example.org>
>>> file mm/example.c
+int x;
""",
        """
>>> patch mm: repair the walk
The walk ends early.

Fixes: 0123456789ab ("mm: walk")
Reported-by: Another User <user@example.org>
Closes: https://example.org/bug/1
Cc: stable@vger.kernel.org
Signed-off-by: A Developer <developer+kernel@example.org>
>>> file mm/example.c
+int x;
""",
        """
>>> patch mm: repair the walk
The walk ends early, and entries are missing.

Reported-by: syzbot+0123@syzkaller.appspotmail.com
Cc: stable@vger.kernel.org # 6.1
Co-developed-by: Another Developer <another@example.org>
Signed-off-by: Another Developer <another@example.org>
Signed-off-by: A Developer <developer@example.com>
>>> file mm/example.c
+int x;
""",
        """
>>> patch mm: repair the walk
The walk ends early; a colleague saw it.

Fixes: 0123456789ab ("mm: walk")
Reported-by: Another Developer <another@example.org>
Signed-off-by: A Developer <developer@example.org>
>>> file mm/example.c
+int x;
""",
        """
>>> patch mm: repair the walk
commit 0123456789abcdef0123456789abcdef01234567 upstream.

Cc: stable@vger.kernel.org
Signed-off-by: A Developer <developer@example.org>
Signed-off-by: A Maintainer <maintainer@example.org>
>>> file mm/example.c
+int x;
""",
    ),
)
