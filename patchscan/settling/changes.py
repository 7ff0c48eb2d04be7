"""What changed between two revisions, beside the remarks: patches, trailers, and a draft of what to write about it."""

from collections.abc import Iterator, Sequence

from patchscan.mail.plainmail import name_and_address
from patchscan.results import Answered
from patchscan.series import Patch, Thread, Trailer
from patchscan.settling.alignment import Alignment
from patchscan.settling.quotation import lines_of

_GIVEN = ("reviewed-by", "acked-by", "tested-by", "reported-by", "suggested-by")


def patch_changes(alignment: Alignment) -> Iterator[str]:
    """A line for each patch that was dropped, merged, split off, is new, or has another number, title or files."""
    for pair in alignment.pairs:
        if pair.new is None:
            assert pair.old is not None
            into = most_of(pair.old, alignment.newer.patches)
            what = f"went into patch {into.index}" if into else "is gone"
            yield f"patch {pair.old.index} {what}: {pair.old.title}"
        elif pair.old is None:
            source = most_of(pair.new, alignment.older.patches)
            what = f"was split off from patch {source.index}" if source else "is new"
            yield f"patch {pair.new.index} {what}: {pair.new.title}"
        else:
            yield from _between(pair.old, pair.new)


def most_of(patch: Patch, others: Sequence[Patch]) -> Patch | None:
    """The patch of the other revision that makes half or more of the changes of one, None where none does."""
    wanted = changed_in(patch)
    shares = {other.index: len(wanted & changed_in(other)) for other in others}
    best = max(others, key=lambda other: (shares[other.index], -other.index), default=None)
    return best if best is not None and wanted and shares[best.index] * 2 >= len(wanted) else None


def changed_in(patch: Patch) -> set[tuple[str, str]]:
    """The changed lines of a patch that hold a word, each with its file."""
    return {(line.path, line.key) for line in lines_of(patch) if line.kind in ("+", "-") and not line.trivial}


def _between(old: Patch, new: Patch) -> Iterator[str]:
    notes = []
    if old.index != new.index:
        notes.append(f"was patch {old.index}")
    if old.title != new.title:
        notes.append(f'was called "{old.title}"')
    before, after = ({change.path for change in patch.files} for patch in (old, new))
    if dropped := sorted(before - after):
        notes.append(f"leaves {', '.join(dropped)} alone now")
    if added := sorted(after - before):
        notes.append(f"changes {', '.join(added)}, too")
    if notes:
        yield f"patch {new.index}, {new.title}: {'; '.join(notes)}"


def trailer_changes(older: Thread, alignment: Alignment) -> Iterator[str]:
    """A line for each trailer that was given to the older revision and is missing in the newer one, or was lost."""
    mails = {mail.message_id: mail for mail in alignment.older.mails if mail.message_id}
    for reply in older.replies:
        patch = mails.get(reply.parent or "")
        for trailer in reply.trailers if patch else ():
            if trailer.key.lower() in _GIVEN and patch is not None:
                yield from _missing(trailer, patch, alignment)
    for pair in alignment.pairs:
        if pair.old and pair.new:
            there = {_mark(trailer) for trailer in pair.new.trailers}
            for trailer in pair.old.trailers:
                if trailer.key.lower() in _GIVEN and _mark(trailer) not in there:
                    yield f"patch {pair.new.index} lost {trailer.key}: {trailer.value}"


def _missing(trailer: Trailer, patch: Patch, alignment: Alignment) -> Iterator[str]:
    """A trailer below the cover letter is for every patch."""
    patches = alignment.older.patches if patch.index == 0 else (patch,)
    now = [new for new in map(alignment.counterpart, patches) if new is not None]
    lacking = [new.index for new in now if _mark(trailer) not in {_mark(each) for each in new.trailers}]
    if lacking:
        where = "every patch" if len(lacking) == len(now) > 1 else f"patch {', '.join(map(str, lacking))}"
        yield f"{trailer.key}: {trailer.value} was given and is not in {where}"


def _mark(trailer: Trailer) -> tuple[str, str]:
    return trailer.key.lower(), name_and_address(trailer.value)[1].lower() or trailer.value.lower()


def draft(alignment: Alignment, remarks: Sequence[Answered], changes: Sequence[str]) -> list[str]:
    """What the author may write about the newer revision, from what changed; for the author to correct."""
    rows = [f"Changes since v{alignment.older.revision}:"]
    rows += [f"- {line[:1].upper()}{line[1:]}" for line in changes]
    for remark in remarks:
        if remark.state in ("changed", "near", "gone") and remark.path:
            name = remark.author.partition("<")[0].strip(' "') or remark.author
            quoted, after = " ".join(remark.quoted.split()), " ".join(remark.after.split())
            line = f"no more: {quoted}" if remark.state == "gone" else after or f"reworked: {quoted}"
            where = (
                "Cover letter"
                if remark.patch == 0
                else f"Patch {remark.patch}, {remark.path.rpartition('/')[2]}"
            )
            rows.append(f"- {where}: {line[:70]} ({name})")
    return list(dict.fromkeys(rows)) if len(rows) > 1 else []
