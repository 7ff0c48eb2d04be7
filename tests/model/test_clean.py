"""What is left of a body when all that has no influence is left out."""

from patchscan.model.extraction.clean import clean
from patchscan.model.extraction.inside import first_choice
from patchscan.model.extraction.slice import settle
from patchscan.model.lowering.abstract_values import Const, Named, Operation, Register, Value
from patchscan.model.lowering.lowered import (
    Assign,
    Body,
    Branch,
    Choice,
    Close,
    Event,
    Fence,
    Open,
    Place,
    Read,
    Write,
)

HERE = Place("a.c", 1, "f")
ASKED, SET = Register("r0"), Register("r1")
ASK = Read(ASKED, Named("flag"), "once", HERE)
YES = Operation("!=", ASKED, Const(0))


def write(value: Value) -> Write:
    return Write(Named("x"), value, "once", HERE)


def branch(condition: Value, then: Body, otherwise: Body = ()) -> Branch:
    return Branch(condition, then, otherwise, HERE)


def cleaned(*events: Event) -> Body:
    return clean(events, frozenset())


def test_what_an_arm_makes_certain_ends_with_it() -> None:
    differ = branch(YES, (Assign(SET, Const(1)),), (Assign(SET, Const(2)),))
    assert cleaned(ASK, differ, write(SET)) == (ASK, differ, write(SET))
    asked_again = branch(YES, (write(Const(1)),)), branch(YES, (write(Const(2)),))
    assert cleaned(ASK, *asked_again) == (ASK, *asked_again)
    inside = branch(YES, (branch(YES, (write(Const(1)),), (write(Const(2)),)),))
    assert cleaned(ASK, inside) == (ASK, branch(YES, (write(Const(1)),)))


def test_what_both_arms_make_certain_lasts() -> None:
    alike = branch(YES, (Assign(SET, Const(1)), write(Const(3))), (Assign(SET, Const(1)), write(Const(4))))
    kept = branch(YES, (write(Const(3)),), (write(Const(4)),))
    assert cleaned(ASK, alike, write(SET)) == (ASK, kept, write(Const(1)))


def test_a_value_that_one_arm_sets_is_not_certain_behind_it() -> None:
    first, second = Assign(SET, Const(1)), branch(YES, (Assign(SET, Const(2)),))
    assert cleaned(ASK, first, second, write(SET)) == (ASK, first, second, write(SET))


def test_an_arm_that_is_none_any_more_is_looked_at_again() -> None:
    section = Open("rcu", 0, HERE), Close("rcu", 0, HERE)
    unread = Read(Register("r2"), Named("y"), "once", HERE)
    either = branch(YES, (unread, *section, write(Const(1))), (write(Const(1)),))
    assert cleaned(ASK, either, write(Const(5))) == (write(Const(1)), write(Const(5)))


def test_a_choice_is_settled_wherever_it_stands_and_the_first_one_is_found() -> None:
    other = Choice("other", "other", (write(Const(2)),), (), HERE)
    choice = Choice("key", "key", (write(Const(1)), other), (Fence("mb", HERE),), HERE)
    body = (ASK, branch(YES, (choice,)), choice)
    assert first_choice(body) is choice
    assert settle(body, "key", False) == (ASK, branch(YES, (Fence("mb", HERE),)), Fence("mb", HERE))
    assert first_choice(settle(body, "key", True)) is other and first_choice((ASK,)) is None
