"""The files of tables in a directory, and what they hold."""

import os
from collections.abc import Iterable

_ROW = b"[[row]]"


def table_files(directory: str) -> list[str]:
    """The tables of rows in a directory, sorted."""
    names = sorted(name for name in os.listdir(directory) if name.endswith(".toml") and name[0] not in "_.")
    return [os.path.join(directory, name) for name in names]


def texts_of(paths: Iterable[str]) -> dict[str, bytes]:
    """What files hold, by path."""
    texts = {}
    for path in paths:
        with open(path, "rb") as file:
            texts[path] = file.read()
    return texts


def with_rows(directory: str) -> dict[str, bytes]:
    """The tables of a directory that are of rows: the others are data of rules that have files of their own."""
    texts = texts_of(table_files(directory)) if os.path.isdir(directory) else {}
    return {path: text for path, text in texts.items() if _ROW in text}
