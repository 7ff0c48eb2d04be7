"""Answers kept on the thing they are about: they go when it goes.

A table of answers beside the thing, weak or not, holds it for as long as an answer speaks of it.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

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
