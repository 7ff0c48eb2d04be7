"""Answers kept on the thing they are about: they go when it goes.

A table of answers beside the thing, weak or not, holds it for as long as an answer speaks of it.
"""

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

Thing = TypeVar("Thing")
Asked = ParamSpec("Asked")
Answer = TypeVar("Answer")


def kept(
    function: Callable[Concatenate[Thing, Asked], Answer],
) -> Callable[Concatenate[Thing, Asked], Answer]:
    """Make a function of a thing, and of hashable words beside it, be computed once for each of both.

    The thing is an object with a __dict__ that stays as it is: a text, a function, a graph, a view.
    """
    place = f"answers of {function.__module__}.{function.__qualname__}"

    @wraps(function)
    def asked(thing: Thing, /, *words: Asked.args, **named: Asked.kwargs) -> Answer:
        answers: dict[Any, Answer] = thing.__dict__.setdefault(place, {})
        key = (*words, *named.items()) if named else words
        try:
            return answers[key]
        except KeyError:
            answer = answers[key] = function(thing, *words, **named)
            return answer

    return asked


def forget_all(thing: Any) -> None:
    """Let go of all that was made of a record or kept on it: only its fields stay, and what they hold goes at once.

    What is made of a thing holds the thing as a rule, and would wait for the collector.
    """
    fields = type(thing).__match_args__
    for name in [each for each in thing.__dict__ if each not in fields]:
        del thing.__dict__[name]


_OF_TEXTS: list[Callable[[], None]] = []


def of_text(most: int) -> Callable[[Callable[Asked, Answer]], Callable[Asked, Answer]]:
    """Make a function of a text be computed once for each of the last so many: what is kept holds the texts, too."""

    def make(function: Callable[Asked, Answer]) -> Callable[Asked, Answer]:
        cached = lru_cache(maxsize=most)(function)
        _OF_TEXTS.append(cached.cache_clear)
        return wraps(function)(cast("Callable[Asked, Answer]", cached))

    return make


def forget_texts() -> None:
    """Let go of all that of_text() keeps."""
    for forget in _OF_TEXTS:
        forget()
