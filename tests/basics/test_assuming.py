"""What is said never hangs on an answer that was only assumed."""

from collections.abc import Iterator
from itertools import product

import pytest
from patchscan.basics.assuming import assumed, said_by

FAILURES = (Exception,)


class Asker:
    """Says something for some combinations of answers to its questions; counts what was found out."""

    def __init__(self, number: int, speaks: set[tuple[bool, ...]], found: tuple[bool, ...]) -> None:
        self.number = number
        self.speaks = speaks
        self.found = found
        self.asked = 0

    def answer(self, question: int) -> bool:
        answer = assumed(question)
        if answer is None:
            self.asked += 1
            answer = self.found[question]
        return answer

    def run(self) -> Iterator[str]:
        answers = tuple(self.answer(question) for question in range(self.number))
        if answers in self.speaks:
            yield str(answers)


@pytest.mark.parametrize("number", range(1, 4))
def test_all_that_is_said_is_said_for_the_answers_that_were_found(number: int) -> None:
    every = list(product((True, False), repeat=number))
    for speaks, found in product(every, every):
        asker = Asker(number, {speaks}, found)
        assert list(said_by(asker.run, FAILURES)) == [str(found)] * (speaks == found)
        assert asker.asked == number


@pytest.mark.parametrize("number", range(4))
def test_where_nothing_is_said_whatever_holds_nothing_is_found_out(number: int) -> None:
    asker = Asker(number, set(), (True,) * number)
    assert list(said_by(asker.run, FAILURES)) == []
    assert asker.asked == 0


def test_of_too_many_questions_the_answers_are_found_out() -> None:
    asker = Asker(5, set(), (True,) * 5)
    assert list(said_by(asker.run, FAILURES)) == []
    assert asker.asked == 5


def test_a_question_that_hangs_on_the_answer_to_another_is_asked_for_both() -> None:
    def run() -> Iterator[str]:
        if not answer(0) and not answer(1):
            yield "said"

    def answer(question: int) -> bool:
        given = assumed(question)
        return False if given is None else given

    assert list(said_by(run, FAILURES)) == ["said"]


@pytest.mark.parametrize("asks", [False, True])
def test_what_was_said_before_a_failure_is_there(asks: bool) -> None:
    said = []

    def run() -> Iterator[str]:
        if asks:
            assumed("question")
        yield "said"
        raise ValueError("failed")

    with pytest.raises(ValueError, match="failed"):
        for each in said_by(run, FAILURES):
            said.append(each)
    assert said == ["said"]
