"""Objects that are freed while others may use them, as findings: what a patch took from the wait, or came without."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

from patchscan.basics.pattern import pattern
from patchscan.changedfile import ChangedFile
from patchscan.finding import Finding
from patchscan.pairing.candidates import OWNED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from patchscan.c.source import Function
    from patchscan.context import Context
    from patchscan.pairing.answers import Codes
    from patchscan.pairing.counted import LastUse
    from patchscan.pairing.losses import Loss
    from patchscan.pairing.pair_model import Outcome
    from patchscan.pairing.unpublished import Freeing, Use

_GRACE = pattern(r"\b(synchronize_(?:s?rcu|net|sched)\w*|call_s?rcu\w*|kv?free_rcu\w*)\s*\(")
_COUNT = pattern(
    r"\b(refcount_(?:dec|sub)_and\w+|kref_put\w*|atomic\w*_(?:dec|sub)\w*|smp_mb__before_atomic|smp_mb|smp_wmb)\s*\("
)
_WEAK_COUNT = pattern(r"\batomic\w*_(?:dec|sub)(?:\w*_relaxed|\w*_acquire)?\s*\(")
_FREE = pattern(r"\b(k[vm]?free\w*|vfree|kmem_cache_free)\s*\(")
_UNPUBLISHES = frozenset(
    ("rcu_assign_pointer", "RCU_INIT_POINTER", "rcu_replace_pointer", "list_del_rcu", "hlist_del_rcu", "xchg")
)
_PLAIN_REMOVALS = frozenset(("list_del", "list_del_init", "hlist_del", "hlist_del_init"))
_LATER = pattern(
    r"\b(?:synchronize_\w+|call_s?rcu\w*|kv?free_rcu\w*|queue_rcu_work|INIT_RCU_WORK|get_state_\w+)\s*\("
)
_RUN_OF = pattern(r"\bh?list_for_each_entry(?:_safe)?\s*\(([^;{]*)\)")
_LAST_NAME = pattern(r"([A-Za-z_]\w*)\W*$")
SECTIONS = frozenset(("rcu_read_lock", "rcu_read_lock_bh", "rcu_read_lock_sched", "srcu_read_lock"))
_MOST_USERS, _MOST_RUNS, _MOST_ALIKE = 8, 12, 4


def freed_early(context: Context, file: ChangedFile) -> Iterator[Finding]:
    """What the functions of a file free while others of it may still use it, since this patch."""
    if not (context.settings.simulate and context.has_tree) or file.state.after is None:
        return
    yield from _found_by_readers(context, file)
    yield from _counted(context, file)


def _found_by_readers(context: Context, file: ChangedFile) -> Iterator[Finding]:
    """What is taken out of where readers find it, and freed without a wait for their sections."""
    lost = any(_GRACE.search(line.text) for line in file.removed)
    new = any(_FREE.search(line.text) for line in file.added)
    if not (lost or new) or b"_read_lock" not in (file.state.after or b""):
        return
    from patchscan.pairing.losses import losses

    told: set[str] = set()
    for loss in losses(file, _GRACE) if lost else ():
        name = loss.function.name
        found = _after_loss(context, file, name) if name not in told else None
        if found is not None:
            told.add(name)
            yield _said(context, file, *found, loss)
    for name in _freeing_anew(file) if new else ():
        found = _in_new_code(context, file, name) if name not in told else None
        if found is not None:
            told.add(name)
            yield _said(context, file, *found, None)


def _freeing_anew(file: ChangedFile) -> Iterator[str]:
    """The functions that take something out where readers find it, and that free something on an added line."""
    lines = {line.new for line in file.added if _FREE.search(line.text)}
    for function in (each for source in file.after for each in source.functions()):
        mine = any(n is not None and function.first_line <= n <= function.last_line for n in lines)
        if mine and (function.identifiers & _UNPUBLISHES or _removes_plainly(file, function)):
            yield function.name


def _removes_plainly(file: ChangedFile, function: Function) -> bool:
    """Whether a function takes entries out of a list that readers go through, without a word on their sections.

    What somebody waited for before is none of them, nor are entries of a list that was cut off.
    """
    if not function.identifiers & _PLAIN_REMOVALS or OWNED.fullmatch(function.name):
        return False
    functions = [each for source in file.after for each in source.functions()]
    around = [each for each in functions if each is function or function.name in each.identifiers]
    if any(_LATER.search(each.text) for each in around):
        return False
    for run in _RUN_OF.findall(function.text):
        arguments = run.split(",")
        name = _LAST_NAME.search(arguments[-2]) if len(arguments) > 2 else None
        walked = rf"_entry\w*_rcu\s*\([^;{{]*\b{name[1]}\s*," if name is not None else "$^"
        if not any(re.search(walked, each.text) for each in functions):
            return False
    return True


def codes_of(context: Context) -> Codes:
    from patchscan.model.scenarios.findings import models_of
    from patchscan.pairing.answers import STUBS, Codes
    from patchscan.pairing.spoken import allowance_of

    models, here = models_of(context.states), context.states.index(context.state)
    before, after = models.code_after(here - 1), models.code_after(here)
    return Codes(before, after, 1, 3, allowance_of(context), (*STUBS, "freed.c"))


Found = tuple["Freeing", "Use", "Outcome"]


def _after_loss(context: Context, file: ChangedFile, name: str) -> Found | None:
    """What a function, or one that calls it, waited for before the patch and frees without a wait after it."""
    from patchscan.model.verdicts.gate import Grounds, gate
    from patchscan.pairing.unpublished import freeings, run_freeing

    codes = codes_of(context)
    for function in (name, *codes.callers(name, file.path)):
        then, now = codes.walk("before", function, file.path), codes.walk("after", function, file.path)
        waited = {(each.structure, each.place): each for each in freeings(then)} if then is not None else {}
        for freeing in freeings(now) if now is not None else ():
            before = waited.get((freeing.structure, freeing.place))
            if before is None or freeing.waits or freeing.maybe or not before.waits:
                continue
            if before.same and not freeing.same:
                continue
            for use in islice(_users(codes, file, freeing), _MOST_RUNS):
                if use.domain not in before.waits:
                    continue
                safe, bare = run_freeing(before, use, True), run_freeing(before, use, True, False)
                after = run_freeing(freeing, use, False)
                grounds = Grounds([safe.answer], [bare.word, after.word])
                if safe.word == "Never" and after.answer.held and bare.answer.held and not gate(grounds):
                    return freeing, use, after
    return None


def _in_new_code(context: Context, file: ChangedFile, name: str) -> Found | None:
    """What a function frees on an added line without any wait, where it is certain that users find the same object."""
    from patchscan.model.verdicts.gate import Grounds, gate
    from patchscan.pairing.unpublished import freeings, run_freeing

    codes = codes_of(context)
    now = codes.walk("after", name, file.path)
    for freeing in freeings(now) if now is not None and now.whole else ():
        place = getattr(freeing.free.event, "place", None)
        if freeing.waits or freeing.maybe or not (freeing.same and freeing.sure) or place is None:
            continue
        if place.path != file.path or place.line not in file.added_numbers:
            continue
        for use in islice(_users(codes, file, freeing), _MOST_RUNS):
            mended, after = run_freeing(freeing, use, True), run_freeing(freeing, use, False)
            grounds = Grounds([mended.answer], [after.word])
            if mended.word == "Never" and after.answer.held and not gate(grounds):
                return freeing, use, after
    return None


def _users(codes: Codes, file: ChangedFile, freeing: Freeing) -> Iterator[Use]:
    """The uses of such an object in reader sections of the file's functions."""
    from patchscan.pairing.unpublished import uses

    member = freeing.place.removesuffix("[]").rpartition(".")[2]
    functions = [each for source in file.after for each in source.functions()]
    near = [each for each in functions if member in each.identifiers and each.identifiers & SECTIONS]
    for function in [each for each in near if each.name != freeing.walk.function][:_MOST_USERS]:
        walk = codes.walk("after", function.name, file.path)
        if walk is not None:
            yield from islice(uses(walk, function.text, freeing), 1)


def _said(
    context: Context, file: ChangedFile, freeing: Freeing, use: Use, after: Outcome, loss: Loss | None
) -> Finding:
    own, user, thing = freeing.walk.function, use.walk.function, freeing.structure
    where = f"the list of {freeing.place}" if freeing.is_list else freeing.place
    text = (
        f"who finds the {thing} in {where} may use it until its reader section ends; here {own}() takes it out and "
        f"frees it while {user}() still uses {after.locations[1]}"
    )
    if loss is not None:
        return _lost(context, file, loss, (own, user), after, text, "the two functions")
    line = freeing.free.event.place.line  # type: ignore[union-attr]
    return brought(context, file, line, (own, user), after, text, "a grace period between the two")


def _lost(
    context: Context,
    file: ChangedFile,
    loss: Loss,
    functions: tuple[str, str],
    after: Outcome,
    text: str,
    executed: str,
) -> Finding:
    """What a patch makes possible by what it takes away."""
    from patchscan.pairing.spoken import kept_result, steps_of

    result = kept_result(context, functions, after, "safe", f"{loss.barrier}() as before the patch")
    said = (
        f"{loss.sentence}: {text}; before this patch no execution of {executed} under the kernel's memory model does "
        f"that, now one does"
    )
    return Finding(file.path, loss.line, said, steps_of(result), model=result.name)


def brought(
    context: Context,
    file: ChangedFile,
    line: int,
    functions: tuple[str, str],
    after: Outcome,
    text: str,
    repair: str,
) -> Finding:
    """What new code does, and what would keep it from that."""
    from patchscan.pairing.spoken import kept_result, steps_of

    result = kept_result(context, functions, after, None, repair)
    said = f"{text}; with {repair} no execution does that"
    return file.finding(line, said, steps_of(result), model=result.name)


def _counted(context: Context, file: ChangedFile) -> Iterator[Finding]:
    """What is freed when a count comes to zero, where a use of it by who dropped another count may come later."""
    lost = any(_COUNT.search(line.text) for line in file.removed)
    new = any(_WEAK_COUNT.search(line.text) for line in file.added)
    if not (lost or new):
        return
    from patchscan.pairing.losses import losses

    told: set[str] = set()
    functions = {each.name: each for source in file.after for each in source.functions()}
    for loss in losses(file, _COUNT) if lost else ():
        name = loss.function.name
        if name in told or name not in functions or not _may_free(functions[name].text):
            continue
        found = _since_loss(context, file, name)
        if found is not None:
            told.add(name)
            yield _last_use_said(context, file, *found, loss)
    lines = {line.new for line in file.added if _WEAK_COUNT.search(line.text)}
    for name, function in functions.items():
        mine = any(n is not None and function.first_line <= n <= function.last_line for n in lines)
        if name in told or not mine or not _may_free(function.text):
            continue
        if name not in {each.name for source in file.before for each in source.functions()}:
            found = _in_new_count(context, file, name)
            if found is not None:
                yield _last_use_said(context, file, *found, None)


def _may_free(text: str) -> bool:
    return "free" in text or "kref_put" in text


def _since_loss(context: Context, file: ChangedFile, name: str) -> tuple[LastUse, Outcome] | None:
    """A last use that came before the free until the patch, and may come after it now."""
    from patchscan.model.verdicts.gate import Grounds, gate
    from patchscan.pairing.counted import last_uses, run_last_use

    codes = codes_of(context)
    then, now = codes.walk("before", name, file.path), codes.walk("after", name, file.path)
    if then is None or now is None:
        return None
    before: dict[object, list[LastUse]] = {}
    for each in last_uses(then):
        before.setdefault(each.what, []).append(each)
    for each in islice(last_uses(now), _MOST_RUNS):
        after = run_last_use(each) if len(before.get(each.what, ())) <= _MOST_ALIKE else None
        # Of several uses alike nobody knows which is which: each must have been safe.
        safe = [run_last_use(one) for one in before.get(each.what, ())] if after is not None else []
        answers = [one.answer for one in safe if one is not None and one.word == "Never"]
        if after is None or not after.answer.held or not safe or len(answers) < len(safe):
            continue
        if not gate(Grounds(answers, [after.word])):
            return each, after
    return None


def _in_new_count(context: Context, file: ChangedFile, name: str) -> tuple[LastUse, Outcome] | None:
    """A last use that nothing keeps before the drop of the count, in a function that the patch brings."""
    from patchscan.model.verdicts.gate import Grounds, gate
    from patchscan.pairing.counted import is_certain, last_uses, run_last_use

    now = codes_of(context).walk("after", name, file.path)
    for each in islice(last_uses(now), _MOST_RUNS) if now is not None and now.whole else ():
        mended, after = run_last_use(each, ordered=True), run_last_use(each)
        if mended is None or after is None or mended.word != "Never" or not after.answer.held:
            continue
        if is_certain(each) and not gate(Grounds([mended.answer], [after.word])):
            return each, after
    return None


def _last_use_said(
    context: Context, file: ChangedFile, each: LastUse, after: Outcome, loss: Loss | None
) -> Finding:
    from patchscan.pairing.spoken import told

    name, structure = each.walk.function, each.structure
    used, count = told(after.locations[0]), told(after.locations[1])
    verb = "reads" if each.own.kinds[0] == "R" else "writes"
    text = (
        f"who finds {count} at zero in {name}() frees the {structure}, so whatever another CPU does with it there must "
        f"come before that drops {count}; here a CPU {verb} {used} after the other's free"
    )
    if loss is not None:
        return _lost(context, file, loss, (name, name), after, text, "it on two CPUs")
    line = each.drop.event.place.line  # type: ignore[union-attr]
    return brought(context, file, line, (name, name), after, text, "a full barrier before the drop")
