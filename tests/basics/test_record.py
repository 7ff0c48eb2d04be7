"""Our records behave as dataclasses do, and patterns as compiled ones."""

import copy
import dataclasses
import pickle
import re

import pytest
from patchscan.basics.fields import as_dict, is_frozen, plain
from patchscan.basics.pattern import pattern
from patchscan.basics.record import field, frozen, once, record, replace


@frozen
class Point:
    """A point with a name."""

    x: int
    y: int = 2
    names: tuple[str, ...] = ()


@frozen
class Named(Point):
    notes: list[str] = field(default_factory=list)


@frozen(eq=False)
class Alone:
    x: int


@dataclasses.dataclass(frozen=True)
class Reference:
    x: int
    y: int = 2
    names: tuple[str, ...] = ()


def test_fields_defaults_and_text_are_those_of_a_dataclass() -> None:
    assert repr(Point(1)) == repr(Reference(1)).replace("Reference", "Point")
    assert Point(1, names=("a",)) == Point(1, 2, ("a",)) != Point(1)
    assert hash(Point(1)) == hash(Point(1)) and len({Point(1), Point(1), Point(2)}) == 2
    other: object = Reference(1)
    assert Point(1) != other and Alone(1) != Alone(1)
    with pytest.raises(TypeError):
        Point()  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        Point(1, 2, (), 4)  # type: ignore[call-arg]


def test_a_record_cannot_be_changed_but_copied_and_sent() -> None:
    point = Point(1)
    with pytest.raises(AttributeError, match=r"Point\.x"):
        point.x = 3  # type: ignore[misc]
    with pytest.raises(AttributeError):
        del point.y
    assert replace(point, y=5) == Point(1, 5) and as_dict(point) == {"x": 1, "y": 2, "names": ()}
    with pytest.raises(TypeError):
        replace(point, z=1)
    assert pickle.loads(pickle.dumps(point)) == point == copy.deepcopy(point)
    assert is_frozen(point) and not is_frozen(Reference(1)) and not is_frozen((1,))


def test_a_made_default_belongs_to_its_record() -> None:
    first, second = Named(1), Named(1)
    first.notes.append("seen")
    assert (first.y, first.notes, second.notes) == (2, ["seen"], [])


@frozen
class Often:
    held: int
    after: list[int] = field(default_factory=list)
    make: str = "m"


def test_a_record_of_which_many_are_made_stays_what_it_is() -> None:
    many = [Often(number) for number in range(1000)]
    assert [each.held for each in many] == list(range(1000))
    assert len({id(each.after) for each in many}) == 1000 and Often(1).after == []
    assert Often(1, make="n") == Often(1, [], "n") == replace(Often(1), make="n") != Often(1)
    with pytest.raises(TypeError):
        Often()  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        Often(1, [], "m", 2)  # type: ignore[call-arg]
    drafts = [Draft(x=number, lines=["first"]) for number in range(1000)]
    assert drafts[-1].lines == ["first", "x is 999"]


def test_what_is_asked_once_is_kept_with_its_record_and_not_sent() -> None:
    asked: list[Point] = []

    def doubled(point: Point) -> int:
        asked.append(point)
        return 2 * point.x

    double = once(doubled)
    point, other = Point(1), Point(2)
    assert [double(point), double(point), double(other)] == [2, 2, 4] and asked == [point, other]
    assert point == Point(1) and replace(point, x=3) == Point(3) and double(replace(point, x=3)) == 6
    assert vars(pickle.loads(pickle.dumps(point))) == as_dict(point)


def test_a_record_is_not_sent_with_the_hash_of_its_sender() -> None:
    point = Point(1)
    assert hash(point) == hash(Point(1))
    assert pickle.dumps(point) == pickle.dumps(Point(1))
    assert vars(pickle.loads(pickle.dumps(point))) == as_dict(point)


def test_a_pattern_is_compiled_when_it_is_used() -> None:
    words = pattern(r"\w+", re.I)
    assert "findall" not in vars(words)
    assert words.findall("a b") == ["a", "b"] and words.fullmatch("ab") and not words.fullmatch("-")
    assert words.sub("x", "a-b") == "x-x" and pattern(rb"b+").search(b"abb")
    faulty = pattern("(")
    with pytest.raises(re.error):
        faulty.search("x")


@record
class Draft:
    x: int
    lines: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.lines.append(f"x is {self.x}")


@frozen
class Cached:
    x: int
    answers: dict[int, int] = field(default_factory=dict, compare=False)
    origin: Point | None = field(default=None, compare=False)


def test_a_record_that_can_be_changed_equals_itself_alone() -> None:
    draft = Draft(1)
    draft.x = 2
    assert (draft.x, draft.lines) == (2, ["x is 1"]) and Draft(1).lines == ["x is 1"]
    assert draft == draft and Draft(1) != Draft(1) and not is_frozen(draft)


def test_a_field_may_be_left_out_of_what_is_compared() -> None:
    first, second = Cached(1, {1: 2}), Cached(1, origin=Point(3))
    assert first == second and hash(first) == hash(second) and repr(first) == repr(second) == "Cached(x=1)"
    assert first != Cached(2) and first.origin is None and replace(second, x=4).origin == Point(3)


def test_a_subclass_compares_its_own_fields_too() -> None:
    assert Named(1, notes=["a"]) != Named(1, notes=["b"]) and Named(1) == Named(1) != Point(1)
    # The methods of the class above were used first, and are others.
    assert Point(1) == Point(1) and Named(1, 2, (), ["a"]).notes == ["a"]


def test_records_as_plain_data() -> None:
    assert plain((Point(1), Named(2, names=("a",)))) == [
        {"x": 1, "y": 2, "names": []},
        {"x": 2, "y": 2, "names": ["a"], "notes": []},
    ]


@pytest.mark.parametrize("made_before", [0, 40])
def test_wrong_arguments_are_refused_by_the_first_record_and_by_later_ones(made_before: int) -> None:
    @frozen
    class Pair:
        x: int
        y: int = 2
        origin: int = field(compare=False, default=0)

    assert all(Pair(at) == Pair(x=at, y=2, origin=at) for at in range(made_before))
    for values, named in (((), {}), ((1, 2, 3, 4), {}), ((1,), {"x": 1}), ((1,), {"z": 1}), ((), {"y": 1})):
        with pytest.raises(TypeError):
            Pair(*values, **named)
    assert as_dict(Pair(1, origin=5)) == {"x": 1, "y": 2, "origin": 5}


def test_a_default_is_made_for_each_record_however_many_there_are() -> None:
    drafts = [Draft(at) for at in range(40)]
    assert [draft.lines for draft in drafts] == [[f"x is {at}"] for at in range(40)]
