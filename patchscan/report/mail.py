"""The drafted reply: one mail a patch with findings, for a person to read, change and send.

Nothing is sent. A draft has no From and no Date: the mailer that sends it knows these.
"""

import re
from collections.abc import Container, Iterator, Sequence
from email.header import Header
from email.utils import formataddr
from hashlib import sha256

from patchscan import __version__
from patchscan.basics.pattern import pattern
from patchscan.basics.printable import printable
from patchscan.basics.usage import LEVELS
from patchscan.finding import CHANGELOG, Evidence, Finding
from patchscan.report.folded import names_in, words_of
from patchscan.report.models import brief, timeline_lines
from patchscan.report.prose import (
    WIDTH,
    asks,
    evidence_lines,
    sentences,
    shown,
    suggestion_lines,
    without_line_numbers,
    wrapped,
)
from patchscan.report.quote import as_quotation, quoted_lines
from patchscan.report.replies import replies
from patchscan.results import ModelResult, Report, file_name
from patchscan.series import Patch

# The first line of a mail in a mailbox, as mboxrd has it for mails without a sender.
SEPARATOR = "From mboxrd@z Thu Jan  1 00:00:00 1970"
MIME = (
    "MIME-Version: 1.0",
    "Content-Type: text/plain; charset=utf-8",
    "Content-Transfer-Encoding: 8bit",
)
# From so many remarks on, the gravest is announced at the top.
FEW = 3
# Evidence that is a step of an interleaving, which is told below it as a whole.
_STEP = pattern(r"\s*[0-9]+\. CPU [0-9]")
# A Message-ID that a shell takes for one plain word.
MESSAGE_ID = pattern(r"[\w.@+%-]+")
_WORD = pattern(r"[A-Za-z_]\w*")
_KEYWORDS = frozenset(
    ("config", "const", "define", "enum", "extern", "inline", "int", "static", "struct", "void")
)
_CONDITIONS = ("if ", "if(", "else", "while ", "for ", "switch ", "case ", "} else")
_BLURB = pattern(r"(/?\*+\s*(?:(?:struct|enum|union)\s+)?\w+(?:\(\))?)\s*[-:].*")
_EMPTY_LINES = pattern("\n{3,}")
_FROM_LINE = pattern(r"^(>*From )", re.M)
_NO_ADDRESS = pattern(r"[\s<>,;]")


def render(report: Report, level: str = "warning") -> str:
    """All drafts as one mailbox (mboxrd); "" where there is nothing to say."""
    return "".join(text for _, text in drafts(report, level))


def drafts(report: Report, level: str = "warning") -> Iterator[tuple[str, str]]:
    """(file name, mailbox of one mail) for each patch worth a reply, in the order of the series.

    level: the severity that makes it so; lesser remarks stand beside a graver one, alone they are not worth a mail
    to everybody.

    Before them a note to who asked where something was not judged; it has no recipient, so it cannot be sent.
    """
    if report.series is None:
        return
    if report.judged.lost:
        yield f"0000-not-fully-judged-{file_name(report.series.title)}.mbox", note(report)
    told: dict[str, Patch] = {}
    for patch, findings in replies(report, level):
        text = draft(report, patch, findings, told)
        yield f"{patch.index:04}-{file_name(patch.title)}.mbox", text


def draft(report: Report, patch: Patch, findings: Sequence[Finding], told: dict[str, Patch]) -> str:
    """One mail with its "From " line and an empty line at its end; told: interleavings, and whose reply has them."""
    lines = body_lines(report, patch, findings, told)
    text = _EMPTY_LINES.sub("\n\n", "\n".join(lines).rstrip("\n") + "\n")
    escaped = _FROM_LINE.sub(r">\1", text)
    return "\n".join([SEPARATOR, *header_lines(patch), message_id(patch, text), *MIME, "", escaped]) + "\n"


def note(report: Report) -> str:
    """What was not judged, as a mail to nobody."""
    assert report.series is not None
    lines = [f"Subject: {encoded(printable(f'Not fully judged: {report.series.title}'))}", *MIME, ""]
    for each in report.judged.lost:
        lines += [*wrapped(printable(f"{each.where}: {each.message}")), ""]
    return "\n".join([SEPARATOR, *lines]) + "\n"


def message_id(patch: Patch, text: str) -> str:
    """A Message-ID that this text has every time, for b4 reads no mail without; its domain is no one's (RFC 2606)."""
    digest = sha256(f"{patch.message_id}\n{text}".encode("utf-8", "surrogateescape")).hexdigest()
    return f"Message-ID: <draft.{digest[:24]}@patchscan.invalid>"


def header_lines(patch: Patch) -> Iterator[str]:
    """To the author, Cc the other recipients, tied to the patch's thread."""
    subject = printable(patch.subject)
    yield f"Subject: {encoded(subject if subject.lower().startswith('re:') else f'Re: {subject}')}"
    author = addresses([patch.author])
    others = [each for each in addresses(patch.recipients) if each[1] not in {one[1] for one in author}]
    if author:
        yield f"To: {people(author)}"
    if others:
        yield f"Cc: {people(others)}"
    if patch.message_id:
        chain = [*patch.references, patch.message_id]
        yield f"In-Reply-To: <{printable(patch.message_id)}>"
        yield "References: " + "\n ".join(f"<{printable(each)}>" for each in dict.fromkeys(chain))


def addresses(recipients: Sequence[str]) -> list[tuple[str, str]]:
    """(name, address) of each recipient that has an address."""
    return [split for each in recipients if "@" in (split := name_and_address(each))[1]]


def name_and_address(person: str) -> tuple[str, str]:
    """The parts of "Name <address>"; where there is no name it is ""."""
    name, _, address = printable(person).rpartition("<")
    return name.strip().strip('"'), _NO_ADDRESS.sub("", address)


def people(recipients: Sequence[tuple[str, str]]) -> str:
    """A header's value, one person a line."""
    shown = [formataddr((name, ascii_address(address)), "utf-8") for name, address in recipients]
    return ",\n ".join(shown)


def ascii_address(address: str) -> str:
    """An address as a header can carry it."""
    return address.encode("ascii", "backslashreplace").decode("ascii")


def encoded(text: str) -> str:
    """A header's value on one or more lines; encoded words (RFC 2047) only where it is not ASCII."""
    if text.isascii():
        return text
    return Header(text, "utf-8", maxlinelen=72, header_name="Subject").encode()


def body_lines(
    report: Report, patch: Patch, findings: Sequence[Finding], told: dict[str, Patch]
) -> Iterator[str]:
    """The quoted patch with each remark under the line it speaks of."""
    name = name_and_address(patch.author)[0] or patch.author
    when = f"On {printable(patch.date)}, " if patch.date else ""
    yield from gravest_lines(findings)
    yield f"{when}{printable(name)} wrote:"
    quoted, elsewhere = quoted_lines(patch, findings)
    wording = Wording(report, patch, {line.text[1:].strip() for line in quoted if line}, told)
    for text, said in as_quotation(quoted):
        yield text
        if said:
            yield ""
            yield from wording.remarks(said)
            yield ""
    for finding in elsewhere:
        outside = f"{printable(finding.path)}, outside of what this patch touches"
        place = "the changelog" if finding.path == CHANGELOG else outside
        yield from ("", f"On {place}:", "")
        yield from wording.remarks([finding])
    yield ""
    yield from wording.litmus_tests()
    yield from made_by(patch)


def gravest_lines(findings: Sequence[Finding]) -> Iterator[str]:
    """What matters most, said first where a reader would come to it late."""
    grave = [each for each in findings if each.severity == "error"]
    if len(findings) >= FEW and grave and findings[0].severity != "error":
        place = "the changelog" if grave[0].path == CHANGELOG else printable(grave[0].path)
        yield from (*wrapped(f"What matters most comes below, in {place}; the rest is smaller."), "")


def made_by(patch: Patch) -> Iterator[str]:
    """What found this, and how whoever reads the mail can run it."""
    known = MESSAGE_ID.fullmatch(patch.message_id)
    run = f"b4 am -o - {patch.message_id} | patchscan -" if known else "patchscan SERIES.mbox"
    yield f"[Found with patchscan {__version__}; to run it: {run}]"


class Wording:
    """Puts the findings of one mail into words: questions take turns, what was said is not said again.

    quoted: the lines that the mail shows anyway; told: the interleavings that a mail of the series has told.
    """

    def __init__(self, report: Report, patch: Patch, quoted: Container[str], told: dict[str, Patch]) -> None:
        self.report = report
        self.patch = patch
        self.quoted = quoted
        self.told = told
        self.usual = {rule.name: rule.severity for rule in report.rules}
        self.questions = 0
        self.said: dict[tuple[str, str], Finding] = {}
        self.models: list[ModelResult] = []

    def remarks(self, findings: Sequence[Finding]) -> Iterator[str]:
        """The paragraphs below one quoted line, the gravest first."""
        for number, finding in enumerate(sorted(findings, key=lambda each: -LEVELS.index(each.severity))):
            if number:
                yield ""
            yield from self.remark(finding)

    def remark(self, finding: Finding) -> Iterator[str]:
        """One finding: its sentences, what supports it, what could stand instead."""
        key = (finding.rule, words_of(finding.message) if self.is_small(finding) else finding.message)
        if key in self.said:
            yield from wrapped(same_as(self.said[key], finding))
            return
        self.said[key] = finding
        lesser = finding.severity == "info" and self.usual.get(finding.rule, "info") != "info"
        doubted = lesser and finding.confidence != "high"
        model = self.report.model_of(finding)
        text = sentences(finding, self.questions, doubted, told=model is not None)
        yield from wrapped(text)
        self.questions += asks(finding, doubted)
        small = finding.severity == "info" and not doubted
        unseen = [each for each in finding.evidence if not small and self.adds(each, finding, text)]
        if model is not None and model.timeline:
            unseen = [each for each in unseen if not _STEP.match(each.text)]
        yield from evidence_lines(finding.path, unseen)
        yield from suggestion_lines(finding)
        if model is not None:
            yield from self.proof(model, finding.message)

    def is_small(self, finding: Finding) -> bool:
        """Whether what differs from a remark in the same words is no more than names."""
        return finding.severity != "error" and finding.model is None and finding.path != CHANGELOG

    def proof(self, model: ModelResult, said: str) -> Iterator[str]:
        """A model's verdict, once a series: later it is referred to; said: the message of the finding above it."""
        key = "\n".join(timeline_lines(model.timeline, WIDTH, places=False)) or model.name
        if key not in self.told:
            self.told[key] = self.patch
            self.models.append(model)
            yield from model_lines(model, said)
            return
        where = (
            "above" if self.told[key] is self.patch else f'in my reply to "{printable(self.told[key].title)}"'
        )
        yield from ("", *wrapped(f"The interleaving {where} shows this, too."))

    def adds(self, evidence: Evidence, finding: Finding, said: str) -> bool:
        """Whether a line of evidence says something that the mail does not show already; said: the sentences above."""
        text = evidence.text.strip()
        here = evidence.path == finding.path
        if here and (text in self.quoted or is_piece(text) or f'"{text.removesuffix(";")}"' in said):
            return False
        known = {*_WORD.findall(finding.message), *_KEYWORDS}
        return any(word not in known for word in _WORD.findall(without_blurb(text) if here else text))

    def litmus_tests(self) -> Iterator[str]:
        """The tests behind the interleavings of this mail, so that they can be run without our program."""
        for model in self.models:
            if model.litmus:
                run = f" ({printable(model.replay)} runs it)" if model.replay else ""
                yield from (*wrapped(f"The litmus test{run}:"), "")
                yield from (f"\t{shown(line)}".rstrip() for line in model.litmus.rstrip("\n").split("\n"))
                yield ""


def is_piece(text: str) -> bool:
    """Whether a line says nothing where it does not stand: a condition, or what goes on in the next line."""
    return text.startswith(_CONDITIONS) or text.count("(") != text.count(")")


def without_blurb(text: str) -> str:
    """The head of a kernel-doc comment without what it says of the name."""
    return _BLURB.sub(r"\1", text)


def same_as(told: Finding, finding: Finding) -> str:
    """That a finding is another case of what was said before, with the names that it has besides."""
    names = names_in(finding.message)
    more = sorted(names - names_in(told.message), key=finding.message.index)
    calls = (f"{name}()" if f"{name}()" in finding.message else name for name in more)
    return f"The same for {', '.join(calls)}." if more else "Same here."


def model_lines(model: ModelResult, said: str = "") -> Iterator[str]:
    """A model's verdict as a mail tells it: the interleaving, what would repair it, what it rests on.

    said: what stands above it, which is not said again.
    """
    if model.timeline:
        yield from ("", "This is how it can happen:", "")
        yield from (line.rstrip() for line in timeline_lines(model.timeline, WIDTH, places=False))
    if model.repair and model.repair not in said:
        yield ""
        yield from wrapped(f"What would close it: {without_line_numbers(printable(model.repair))}")
    for name, listed in (
        ("This assumes", "; ".join(model.assumptions)),
        ("Not modelled", brief(model.unmodelled)),
    ):
        if listed:
            yield ""
            yield from wrapped(f"{name}: {without_line_numbers(printable(listed))}.")
