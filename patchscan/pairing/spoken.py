"""Answers as findings, and the models they rest on as results: said once for each barrier that a patch takes."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from patchscan.basics.keep import kept
from patchscan.basics.record import replace
from patchscan.changedfile import ChangedFile
from patchscan.finding import Evidence, Finding, Silence
from patchscan.results import ModelResult, Step, VerdictWord
from patchscan.tree.overlay import PatchState, View

TYPE_CHECKING = False
if TYPE_CHECKING:
    from patchscan.context import Context
    from patchscan.pairing.answers import Allowance, Answer, Lookup, Proof
    from patchscan.pairing.facing import Facing
    from patchscan.pairing.one_sided import OneSided
    from patchscan.pairing.pair_model import Half, Outcome
    from patchscan.pairing.unordered import Unordered

_MOST_NAMED = 3


def executed_pairs(states: tuple[PatchState, ...]) -> tuple[ModelResult, ...]:
    """The models of pairs that were executed for the findings of a series, as a report shows them."""
    return tuple(_results(states[-1].view).values()) if states else ()


@kept
def _results(view: View) -> dict[str, ModelResult]:
    """The models that findings on a series rest on, by name, by the view at its end."""
    return {}


def allowance_of(context: Context) -> Allowance:
    """What may still be looked at for the barriers of a patch, whoever asks."""
    return _allowance(context.state.view)


@kept
def _allowance(_: View) -> Allowance:
    from patchscan.pairing.answers import Allowance

    return Allowance()


def answered(
    context: Context, file: ChangedFile, lookup: Lookup, known: Collection[int]
) -> Iterator[tuple[Answer, Finding | Silence]]:
    """An answer to each barrier that a patch takes from a file, with what is to be said of it; known: the lines of
    which something is said already."""
    if not (context.settings.simulate and context.has_tree):
        return
    from patchscan.model.scenarios.findings import models_of
    from patchscan.pairing.answers import answers, ways

    models, here = models_of(context.states), context.states.index(context.state)
    codes = ways(models.code_after(here - 1), models.code_after(here), allowance_of(context))
    for answer in answers(file, codes, lookup, context.final, known):
        yield answer, _remark(context, file, answer)


def one_sided_pairs(context: Context, file: ChangedFile) -> Iterator[Finding]:
    """The functions that comments of a patch pair, and of which only one keeps what both access in order."""
    if not (context.settings.simulate and context.has_tree) or file.state.after is None:
        return
    from patchscan.model.scenarios.findings import models_of
    from patchscan.pairing.answers import ways
    from patchscan.pairing.losses import texts
    from patchscan.pairing.one_sided import one_sided, told_pairs

    models, here = models_of(context.states), context.states.index(context.state)
    codes = None
    for text in texts(file):
        for one, other in told_pairs(file, text):
            before, after = models.code_after(here - 1), models.code_after(here)
            codes = codes or ways(before, after, allowance_of(context))[0]
            found = one_sided(codes, file.path, one, other)
            if found is not None:
                yield _open_side(context, file, found)


def _open_side(context: Context, file: ChangedFile, found: OneSided) -> Finding:
    """A finding on the side that nothing keeps in order, at its later access on a line of the patch."""
    ordered, side, outcome = found.ordered, found.open, found.outcome
    assert outcome is not None
    result = _result(context, *found.halves, outcome, None)
    lines = [event.place.line for event in reversed(side.accesses) if event.place.path == file.path]
    line = next((each for each in lines if each in file.added_numbers), lines[0] if lines else 1)
    text = (
        f"a comment pairs {ordered.walk.function}() with {side.walk.function}(), but {_too_weak(side)} in "
        f"{side.walk.function}() keeps {_in_order(side)}: {_property(*found.halves, outcome)}; with a full "
        f"barrier between the two no execution does that"
    )
    return file.finding(line, text, steps_of(result), model=result.name)


def _too_weak(half: Half) -> str:
    """What stands between two accesses and does not order them."""
    from patchscan.model.lowering.lowered import Fence

    kinds = dict.fromkeys(event.kind for event in half.order.events if isinstance(event, Fence))
    fences = " and ".join(f"smp_{kind}()" for kind in kinds if kind in ("rmb", "wmb"))
    return f"neither {fences} nor anything else" if fences else "nothing"


def _in_order(half: Half) -> str:
    from patchscan.pairing.steps import key

    one, two = half.accesses
    verbs = {"R": "read", "W": "write"}
    return (
        f"its {verbs[half.kinds[0]]} of {told(key(one))} (line {one.place.line}) before its {verbs[half.kinds[1]]} of "
        f"{told(key(two))} (line {two.place.line})"
    )


def steps_of(result: ModelResult) -> tuple[Evidence, ...]:
    """The steps of an interleaving as evidence."""
    return tuple(
        Evidence(step.path, step.line, f"{number}. {step.thread}: {step.text}")
        for number, step in enumerate(result.timeline, 1)
        if "/" in step.path
    )


def _remark(context: Context, file: ChangedFile, answer: Answer) -> Finding | Silence:
    loss = answer.loss
    if answer.kept:
        return Silence(file.path, loss.line, f"{loss.barrier}() is no loss: {answer.kept}", checked=True)
    if answer.proof is not None:
        return _proved(context, file, answer, answer.proof)
    if answer.partner is not None and answer.site is not None:
        return _told(file, answer)
    if answer.facing is not None:
        return _faced(file, answer, answer.facing)
    if answer.seen:
        names = " and ".join(f"{each.function}()" for each in answer.seen[:_MOST_NAMED])
        what = f"who pairs with {loss.barrier}() is not known; {names} access the same"
        return Silence(file.path, loss.line, what, checked=False)
    return Silence(file.path, loss.line, f"who pairs with {loss.barrier}() was not found", checked=False)


def _proved(context: Context, file: ChangedFile, answer: Answer, proof: Proof) -> Finding:
    """A finding whose model is safe before the patch and unsafe after it."""
    own, partner = proof.own, proof.partner
    result = _result(context, own, partner, proof.after, "safe")
    evidence = steps_of(result)
    text = (
        f"{answer.loss.sentence}: {_property(own, partner, proof.after)}; before this patch no execution of the two "
        f"functions under the kernel's memory model does that, now one does"
    )
    if own.walk.function != answer.loss.function.name:
        text += f"; {own.walk.function}() calls {answer.loss.function.name}()"
    if not proof.said:
        text += f"; that {own.walk.function}() pairs with {partner.walk.function}() is taken from what they access"
    return Finding(file.path, answer.loss.line, text, evidence, model=result.name)


def _property(one: Half, other: Half, after: Outcome) -> str:
    """What the pair is for and what happens now, in the words that fit its shape."""
    own, partner = one.walk.function, other.walk.function
    first, second = map(told, after.locations)
    tells = one.kinds == "WW" and (other.kinds != "WW" or other.looks_first)
    if after.shape == "load buffering":
        tells = "plain" not in (one.accesses[1].order, other.accesses[0].order)
    writer, reader, data, flag = (own, partner, first, second) if tells else (partner, own, second, first)
    if after.shape == "message passing":
        return (
            f"who sees {flag} as {writer}() writes it must see {data} as well; here {reader}() sees {flag} and not "
            f"{data}"
        )
    if after.shape == "store buffering":
        return (
            f"of {own}(), which writes {first} and then reads {second}, and {partner}(), which does the reverse, at "
            f"least one must see what the other wrote; here neither does"
        )
    if after.shape == "S":
        return (
            f"who sees {flag} as {writer}() writes it may write {data} in its turn; here what {reader}() writes there "
            f"is lost under the earlier write of {writer}()"
        )
    if after.shape == "load buffering":
        return (
            f"{writer}() is done with {data} when it writes {flag}, and {reader}(), which sees that, may write {data} "
            f"anew; here {writer}() reads what {reader}() writes only then"
        )
    return (
        f"{own}() accesses {first} and then {second}, {partner}() the other way round; here the outcome is one that "
        f"no order of their statements gives"
    )


def told(location: str | None) -> str:
    """A location in words: a bit of a word, the waiters of a bit or a variable, a field or all."""
    word, _, bit = str(location).partition("#")
    if word.endswith(".queue_of_waiters"):
        return f"the waiters on {word.removesuffix('.queue_of_waiters')}"
    if word.endswith(".*"):
        return f"the fields of {word[:-2]}"
    return f"bit {bit} of {word}" if bit else word


def _result(
    context: Context, one: Half, other: Half, after: Outcome, before: VerdictWord | None
) -> ModelResult:
    """The model behind a finding on two halves; before: the verdict on the code before the patch."""
    repair = "the barrier as it was before the patch" if before else "a full barrier between the two accesses"
    holes = (*one.order.holes, *other.order.holes)
    return kept_result(
        context,
        (one.walk.function, other.walk.function),
        after,
        before,
        repair,
        [hole.name for hole in holes],
    )


def kept_result(
    context: Context,
    functions: tuple[str, str],
    after: Outcome,
    before: VerdictWord | None,
    repair: str,
    unmodelled: Sequence[str] = (),
) -> ModelResult:
    """The model behind a finding, as a report shows it, kept for the report of the series."""
    from patchscan.model.verdicts.wording import told_in_c

    name = f"{after.shape.replace(' ', '-')}-{'-'.join(functions)}-patch-{context.patch.index}"
    steps = tuple(
        Step(each.thread, each.text, each.path if "/" in each.path else "", each.line, each.sees, each.misses)
        for each in told_in_c(after.interleaving(), after.locations).moments
    )
    kinds = sorted({location.partition(".")[0] for location in after.locations if "." in location})
    result = ModelResult(
        name=name,
        scenario=f"{after.shape}: {' / '.join(functions)}",
        config="generic",
        verdict="unsafe",
        before=before,
        outcome=after.word,
        timeline=steps,
        repair=repair,
        assumptions=(
            *(f"both work on the same {kind}" for kind in kinds),
            "plain accesses are neither torn nor repeated by the compiler",
        ),
        unmodelled=tuple(dict.fromkeys(f"{each}()" for each in unmodelled)),
        litmus=after.litmus,
        replay=f"patchscan simulate --timeline {name}.litmus",
        patch=context.patch.index,
    )
    _results(context.final)[name] = result
    return result


def _told(file: ChangedFile, answer: Answer) -> Finding:
    """A warning that rests on comments, with the order that is lost where it is seen."""
    partner, site, loss = answer.partner, answer.site, answer.loss
    assert partner is not None and site is not None
    other = f"{partner.name}() in {partner.function}()"
    orders = "which is still there and orders nothing without it"
    evidence: tuple[Evidence, ...] = (
        Evidence(partner.path, partner.line, f"{partner.function}(): {partner.name}()"),
    )
    if site.own == partner:
        text = f"{loss.sentence}; the comment at {other}, {orders}, pairs that with {loss.function.name}()"
        evidence = (Evidence(partner.path, partner.line, site.comment),)
    else:
        text = f"{loss.sentence}; its comment pairs it with {other}, {orders}"
        evidence = (Evidence(file.path, loss.old, site.comment), *evidence)
    if answer.order is not None:
        text += f": {_gap(answer.order)}"
    return Finding(file.path, loss.line, text, evidence, confidence="medium")


def _faced(file: ChangedFile, answer: Answer, other: Facing) -> Finding:
    """A warning that rests on the order of another access to the same location."""
    barrier = other.barrier
    text = (
        f"{answer.loss.sentence}; {barrier.name}() in {barrier.function}() works on the same {other.where}, is still "
        f"there and orders nothing without it"
    )
    evidence = (Evidence(barrier.path, barrier.line, f"{barrier.function}(): {barrier.name}()"),)
    return Finding(file.path, answer.loss.line, text, evidence, confidence="medium")


def _gap(order: Unordered) -> str:
    """The two accesses that nothing keeps in order, after the patch."""
    from patchscan.pairing.steps import key

    one, two = order.accesses
    verbs = {"R": "read", "W": "write"}
    now = replace(order, first=order.first_now, second=order.second_now).accesses
    return (
        f"nothing keeps the {verbs[order.kinds[0]]} of {told(key(one))} (line {now[0].place.line}) before the "
        f"{verbs[order.kinds[1]]} of {told(key(two))} (line {now[1].place.line})"
    )
