"""Who answers questions and knows which: what was made of the answers is taken again while they are the same."""

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar
from weakref import ref

Found = TypeVar("Found")
Result = TypeVar("Result")
Question = tuple[str, ...]
Answers = dict[Question, object]


class Asked:
    """Notes its questions in `_asked`, each the name of a method and its arguments, with what it answers.

    Those asked aside go to `_aside`: who asks them is asked, too, and answers for them.
    """

    def __init__(self) -> None:
        self._asked: Answers = {}
        self._aside: Answers = {}

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

    def answers_as(self, answers: Answers) -> bool:
        """Whether this one has the same answers; of code, on the same lines."""
        return all(self.answer(question) == answer for question, answer in answers.items())


Second = TypeVar("Second", bound=Asked)


class Remembered(Generic[Second, Result]):
    """What was made of code and of a second one, taken again where both answer all that was asked as they did then.

    most: results that are kept; one more, and all are made anew; everything: what was asked aside counts, for the
    second one does not answer for it.
    """

    def __init__(self, most: int, everything: bool = True) -> None:
        self._most = most
        self._everything = everything
        self._known: dict[Hashable, list[tuple[ref[Asked], Answers, Answers, Result]]] = {}
        self._number = 0

    def get(
        self, key: Hashable, code: Asked, second: Callable[[], Second], make: Callable[[Second], Result]
    ) -> Result:
        """What `make` gives; key: all that this depends on beside the two; second: gives one that was asked nothing.

        The same one is asked by all: what one of them asked before it was refused, `make` asks first as well.
        """
        asked = second()
        for made_of, of_code, of_second, result in reversed(self._known.get(key, ())):
            if made_of() is code:
                code.note(of_code)
            elif not code.answers_as(of_code):
                continue
            if asked.answers_as(of_second):
                return result
        with code.recording(self._everything) as of_code, asked.recording() as of_second:
            result = make(asked)
        if self._number >= self._most:
            self._known.clear()
            self._number = 0
        self._number += 1
        self._known.setdefault(key, []).append((ref(code), of_code, of_second, result))
        return result
