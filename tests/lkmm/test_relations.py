"""What is known of relations beforehand, against relations that know nothing."""

import random
from collections.abc import Iterable, Iterator
from itertools import islice

from patchscan.lkmm.dialect.parser import parse
from patchscan.lkmm.memory import lkmm, specialised
from patchscan.lkmm.memory.executions import Execution, sets_of
from patchscan.lkmm.memory.relations import (
    Base,
    Composition,
    EventSet,
    Relation,
    fixpoint,
    inverse,
    maybe,
    star,
)
from patchscan.lkmm.memory.rows import Rows, bits, closure, rows_of
from patchscan.lkmm.memory.specialised import axioms_for
from patchscan.lkmm.solving.candidate import Candidate
from patchscan.lkmm.solving.encoding import Encoding
from patchscan.lkmm.solving.solving import Solver
from patchscan.lkmm.solving.unfold import unfold

from tests.lkmm.programs import program

# The first one has read-modify-writes that an axiom speaks of.
SEEDS = (120, *range(2000, 2080))


def candidates(text: str) -> Iterator[Candidate]:
    """The coherent candidates of a program, allowed or not."""
    solver = Solver(Encoding(unfold(parse(text))))
    communication = solver.encoding.communication
    for candidate in iter(lambda: solver.candidate([]), None):
        yield candidate
        chosen = [*communication.rf.values(), *communication.co.pairs.values()]
        solver.forbid([literal if candidate.chosen(literal) else -literal for literal in chosen])


def some() -> list[Candidate]:
    return [candidate for seed in SEEDS for candidate in islice(candidates(program(seed)), 3)]


def follows(left: Rows, right: Rows) -> Rows:
    """left ; right, pair by pair."""
    size = len(left)
    pairs = (
        (one, other)
        for one in range(size)
        for between in range(size)
        if left[one] >> between & 1
        for other in range(size)
        if right[between] >> other & 1
    )
    return rows_of(pairs, size)


def within(one: Rows, other: Rows) -> bool:
    return all(not row & ~wide for row, wide in zip(one, other, strict=True))


def parts(relation: Relation, found: dict[Relation, None]) -> None:
    """A relation and all that it is made of, but for fixpoints."""
    if relation not in found and relation.variable is None:
        found[relation] = None
        for part in vars(relation).values():
            if isinstance(part, Relation):
                parts(part, found)


def known() -> list[Relation]:
    found: dict[Relation, None] = {}
    for axiom in lkmm.AXIOMS:
        parts(axiom.relation, found)
    return [relation for relation in found if relation is not lkmm.rcu_order]


def wrong(relation: Relation, execution: Execution) -> bool:
    """Whether what a relation says of itself does not hold."""
    rows = execution.rows(relation)
    if relation.reflexive and not all(row >> index & 1 for index, row in enumerate(rows)):
        return True
    return relation.transitive and not within(follows(rows, rows), rows)


def test_relations_are_what_they_say() -> None:
    said = [relation for relation in known() if relation.transitive or relation.reflexive]
    assert len(said) > 20
    assert not [relation for candidate in some() for relation in said if wrong(relation, candidate)]


def test_a_wrong_word_would_show() -> None:
    reflexive = lkmm.rfe @ lkmm.po
    reflexive.reflexive = True
    for claim in (Base("ext", transitive=True), reflexive):
        assert any(wrong(claim, candidate) for candidate in some())


def test_steps_follow_each_other_as_pairs_do() -> None:
    composed = [relation for relation in known() if isinstance(relation, Composition)]
    assert any(one.left.reflexive and one.right.reflexive for one in composed)
    assert any(one.right.transitive and not one.left.reflexive for one in composed)
    for candidate in some()[::4]:
        for one in composed:
            both = follows(candidate.rows(one.left), candidate.rows(one.right))
            assert candidate.rows(one) == both


def test_steps_that_are_not_transitive_may_not_be_left_out() -> None:
    wrongly = Base("ext", transitive=True)
    one = Composition(lkmm.com, wrongly)
    assert any(
        candidate.rows(one) != follows(candidate.rows(lkmm.com), candidate.rows(wrongly))
        for candidate in some()
    )


def test_any_number_of_steps_is_step_after_step() -> None:
    chosen = random.Random(5)
    cyclic = 0
    for size in (1, 2, 5, 9) * 60:
        density = chosen.choice((0.1, 0.2, 0.4))
        rows = [sum((chosen.random() < density) << end for end in range(size)) for _ in range(size)]
        expected = rows
        for _ in range(size):
            expected = [one | two for one, two in zip(expected, follows(expected, expected), strict=True)]
        assert closure(rows) == expected
        cyclic += any(row >> event & 1 for event, row in enumerate(expected))
    assert 40 < cyclic < 200


def order_with(starts: EventSet) -> Relation:
    """rcu-order with links that start at these events."""
    link = starts @ maybe(lkmm.po) @ lkmm.hbs @ lkmm.pbs @ lkmm.prop @ lkmm.po
    rscs = {lkmm.rcu_rscsi: lkmm.rcu_gp, lkmm.srcu_rscsi: lkmm.srcu_gp}

    def definition(order: Relation) -> Relation:
        found: Relation = lkmm.rcu_gp | lkmm.srcu_gp | (order @ link @ order)
        for sections, periods in rscs.items():
            for one, other in ((periods, sections), (sections, periods)):
                for step in (one @ link @ other, one @ link @ order @ link @ other):
                    found = found | (step & lkmm.loc if sections is lkmm.srcu_rscsi else step)
        return found

    return fixpoint(definition)


def test_links_of_grace_periods_start_where_an_order_ends() -> None:
    everywhere = order_with(lkmm.R | ~lkmm.R)
    kinds = (lkmm.Sync_rcu, lkmm.Sync_srcu, lkmm.Rcu_lock, lkmm.Srcu_lock)
    fewer = {kind: order_with(lkmm.order_ends - kind) for kind in kinds}
    lost = set()
    for text in [program(seed) for seed in (*SEEDS, *range(4000, 4200))] + [SRCU]:
        for candidate in islice(candidates(text), 6 if text == SRCU else 2):
            rows = candidate.rows(everywhere)
            assert candidate.rows(lkmm.rcu_order) == rows
            lost |= {kind for kind, without in fewer.items() if candidate.rows(without) != rows}
    assert lost == set(kinds)


SRCU = r"""C srcu
{}
P0(int *x, int *y, struct srcu_struct *s)
{
	int r1;
	int r0;
	r1 = srcu_read_lock(s);
	r0 = READ_ONCE(*x);
	WRITE_ONCE(*y, 1);
	srcu_read_unlock(s, r1);
}
P1(int *x, int *y, struct srcu_struct *s)
{
	int r0;
	r0 = READ_ONCE(*y);
	synchronize_srcu(s);
	WRITE_ONCE(*x, 1);
}
exists (0:r0=1 /\ 1:r0=1)
"""


def whole(candidate: Candidate) -> dict[str, Rows]:
    """What the axioms speak of, from their definitions."""
    return {axiom.name: candidate.rows(axiom.relation) for axiom in lkmm.AXIOMS}


def told(axioms: Iterable[lkmm.Axiom], candidate: Candidate) -> dict[str, Rows]:
    """The same from shorter ones, where an axiom that is left out speaks of nothing."""
    found = {axiom.name: candidate.rows(axiom.relation) for axiom in axioms}
    return {axiom.name: found.get(axiom.name, [0] * candidate.size) for axiom in lkmm.AXIOMS}


def test_axioms_of_some_kinds_of_events_are_the_axioms() -> None:
    shorter = 0
    for candidate in some():
        axioms = axioms_for(candidate.encoding.events)
        assert told(axioms, candidate) == whole(candidate)
        shorter += len(axioms) < len(lkmm.AXIOMS)
    assert shorter


def test_what_has_an_empty_part_is_what_is_left_of_it() -> None:
    po, data, rf = lkmm.po, Base("data"), lkmm.rf
    built = [
        po - data,
        data - po,
        po | data,
        data | rf,
        po & data,
        data & rf,
        po @ data,
        data @ po,
        inverse(data),
    ]
    built += [
        maybe(data) @ rf,
        rf @ star(data),
        lkmm.R @ (rf | data) @ lkmm.W,
        lkmm.M @ data,
        lkmm.R * lkmm.W,
    ]
    checked = 0
    for candidate in some():
        if not any(candidate.rows(data)):
            kinds = frozenset(map(sets_of, candidate.encoding.events))
            without = specialised._Without(kinds, frozenset({"data"}))
            for relation in built:
                found = without.of(relation)
                rows = [0] * candidate.size if found is None else candidate.rows(found)
                assert rows == candidate.rows(relation)
                checked += 1
    assert checked


def test_axioms_of_too_few_kinds_would_show() -> None:
    """A kind that is forgotten, or a base relation that is not empty, changes what an axiom says."""
    kinds, bases = set[tuple[str, ...]](), set[str]()
    for candidate in some():
        present = frozenset(map(sets_of, candidate.encoding.events))
        for kind in present:
            if told(specialised._specialised(present - {kind}, frozenset()), candidate) != whole(candidate):
                kinds.add(kind)
        for name in ("addr", "data", "ctrl", "rmw"):
            if told(specialised._specialised(present, frozenset({name})), candidate) != whole(candidate):
                bases.add(name)
    assert bases == {"addr", "data", "ctrl", "rmw"}
    assert len(kinds) > 10


def test_what_explains_a_step_makes_it_everywhere() -> None:
    """Where the literals behind a pair hold in another candidate, the whole axiom has the pair there, too."""
    held = 0
    for seed in SEEDS:
        alike = list(islice(candidates(program(seed)), 8))
        for candidate in alike[:2]:
            for axiom in axioms_for(candidate.encoding.events):
                for one, other, reasons in explained(axiom.relation, candidate):
                    assert all(map(candidate.chosen, reasons))
                    for again in alike:
                        if all(map(again.chosen, reasons)):
                            start, end = again.path.position[one], again.path.position[other]
                            assert whole(again)[axiom.name][start] >> end & 1
                            held += again is not candidate
    assert held > 1000


def explained(relation: Relation, candidate: Candidate) -> Iterator[tuple[int, int, set[int]]]:
    """The pairs of a relation by the numbers of their events, with the literals behind each."""
    numbers = candidate.path.numbers
    for start, row in enumerate(candidate.rows(relation)):
        for end in bits(row):
            reasons = set[int]()
            relation.explain(candidate, start, end, reasons)
            yield numbers[start], numbers[end], reasons
