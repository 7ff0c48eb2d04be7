"""Who answers questions and knows which: what was made of the answers is taken again while they are the same."""

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Any, Generic, TypeVar
from weakref import ref

from patchscan.basics.record import field, record

Found = TypeVar("Found")
Result = TypeVar("Result")
Question = tuple[Any, ...]
Answers = dict[Question, object]
_MOST_TELLING = 3


class Asked:
    """Notes its questions in `_asked`, each the name of a method and its arguments, with what it answers.

    Those asked aside go to `_aside`: who asks them is asked, too, and answers for them. What it was asked to compare
    answers stands in `_told`, for it always says the same.
    """

    def __init__(self) -> None:
        self._asked: Answers = {}
        self._aside: Answers = {}
        self._told: Answers = {}

    @contextmanager
    def recording(self, everything: bool = False) -> Iterator[Answers]:
        """Gives the questions asked meanwhile and their answers, in the order in which they were asked.

        everything: those asked aside as well.
        """
        answers: Answers = {}
        outer, self._asked = self._asked, answers
        if everything:
            beside, self._aside = self._aside, answers
        try:
            yield answers
        finally:
            self._asked = outer
            self._asked.update(answers)
            if everything:
                self._aside = beside

    def aside(self, find: Callable[[], Found]) -> Found:
        """What is found; whatever is asked for it is asked aside."""
        outer, self._asked = self._asked, self._aside
        try:
            return find()
        finally:
            self._asked = outer

    def note(self, answers: Answers) -> None:
        """Note questions that this one answered so itself as asked once more."""
        self._asked.update(answers)

    def answer(self, question: Question) -> object:
        """The answer to a question that another one was asked."""
        return getattr(self, question[0])(*question[1:])

    def answers_as(self, answers: Answers, telling: list[Question]) -> bool:
        """Whether this one has the same answers; of code, on the same lines. What is asked for it is not noted.

        telling: questions that told others from who gave these answers, asked first and kept here.
        """
        told = self._told
        if answers.keys() <= told.keys() and answers.items() <= told.items():
            return True
        outer, self._asked = self._asked, {}
        try:
            for question in (*telling, *answers):
                if question not in told:
                    told[question] = self.answer(question)
                if told[question] != answers[question]:
                    if question not in telling:
                        telling.insert(0, question)
                        del telling[_MOST_TELLING:]
                    return False
            return True
        finally:
            self._asked = outer


Second = TypeVar("Second", bound=Asked)


@record
class _Made(Generic[Result]):
    """What was made, of which code, and what both were asked; telling, told: see Asked.answers_as()."""

    code: ref[Asked]
    of_code: Answers
    of_second: Answers
    result: Result
    telling: list[Question] = field(default_factory=list)
    told: list[Question] = field(default_factory=list)


class Remembered(Generic[Second, Result]):
    """What was made of code and of a second one, taken again where both answer all that was asked as they did then.

    most: results that are kept; one more, and all are made anew; everything: what was asked aside counts, for the
    second one does not answer for it.
    """

    def __init__(self, most: int, everything: bool = True) -> None:
        self._most = most
        self._everything = everything
        self._known: dict[Hashable, list[_Made[Result]]] = {}
        self._number = 0

    def get(
        self, key: Hashable, code: Asked, second: Callable[[], Second], make: Callable[[Second], Result]
    ) -> Result:
        """What `make` gives; key: all that this depends on beside the two; second: gives one that was asked nothing.

        The same one is asked by all: what one of them asked before it was refused, `make` asks first as well.
        """
        asked = second()
        for made in reversed(self._known.get(key, ())):
            if made.code() is not code and not code.answers_as(made.of_code, made.telling):
                continue
            if asked.answers_as(made.of_second, made.told):
                code.note(made.of_code)
                return made.result
        with code.recording(self._everything) as of_code, asked.recording() as of_second:
            result = make(asked)
        if self._number >= self._most:
            self._known.clear()
            self._number = 0
        self._number += 1
        self._known.setdefault(key, []).append(_Made(ref(code), of_code, of_second, result))
        return result
