"""A tree whose answers are noted: every question that is put to it, so that what rests on them can be taken again where
each of them has the same answer (a verifying trace, as build systems have it)."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from typing import TypeVar

from patchscan.codebase.treereader import reader_of
from patchscan.tree import Tree

Answer = TypeVar("Answer")
Question = tuple[str | bool, ...]
# Of each question its digest behind its words: as it is written down.
Trace = list[list[str | bool]]
_DIGEST_SIZE = 16


class Traced:
    """A tree, and its reader, in one: whoever holds it can ask the tree nothing that is not noted.

    tree: the one that is asked; steady: whether no question has had two answers.
    """

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.steady = True
        self._reader = reader_of(tree)
        self._noted: dict[Question, object] = {}

    def _note(self, question: Question, answer: Answer) -> Answer:
        known = self._noted.setdefault(question, answer)
        if known is not answer and known != answer:
            self.steady = False
        return answer

    @property
    def name(self) -> str:
        """See Tree.name."""
        return self._note(("name",), self.tree.name)

    @property
    def commit(self) -> str | None:
        """See Tree.commit."""
        return self._note(("commit",), self.tree.commit)

    def read(self, path: str) -> bytes | None:
        """See Tree.read()."""
        return self._note(("read", path), self._reader.read(path))

    def exists(self, path: str) -> bool:
        """See Tree.exists()."""
        return self._note(("exists", path), self.tree.exists(path))

    def files(self, under: str = "", deep: bool = True) -> Iterator[str]:
        """See Tree.files()."""
        yield from self._note(("files", under, deep), tuple(self.tree.files(under, deep)))

    def subject(self, commit: str) -> str | None:
        """See Tree.subject()."""
        return self._note(("subject", commit), self.tree.subject(commit))

    def defining(self, directory: str, name: str) -> Sequence[str]:
        """See TreeReader.defining()."""
        return self._note(("defining", directory, name), self._reader.defining(directory, name))

    def declaring(self, structure: str, near: str) -> Sequence[str]:
        """See TreeReader.declaring()."""
        return self._note(("declaring", structure, near), self._reader.declaring(structure, near))

    def naming(self, name: str) -> Sequence[str] | None:
        """See TreeReader.naming()."""
        return self._note(("naming", name), self._reader.naming(name))

    def trace(self) -> Trace:
        """The questions so far, each with a digest of its answer."""
        return [[*question, digest(answer)] for question, answer in self._noted.items()]


def answers_alike(tree: Tree, trace: Trace) -> bool:
    """Whether a tree gives the answers of a trace now. Raises AttributeError, TypeError for what is none."""
    traced = Traced(tree)
    for kind, *words, told in trace:
        asked = getattr(traced, str(kind))
        answer = asked(*words) if callable(asked) else asked
        if digest(tuple(answer) if isinstance(answer, Iterator) else answer) != told:
            return False
    return True


def digest(answer: object) -> str:
    """What stands for an answer: the same for equal ones only."""
    kind, data = (
        (b"content", answer) if isinstance(answer, bytes) else (b"words", json.dumps(answer).encode())
    )
    return hashlib.blake2b(data, digest_size=_DIGEST_SIZE, person=kind).hexdigest()
