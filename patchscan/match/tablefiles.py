"""The files of tables in a directory."""

import os

_ROW = b"[[row]]"


def table_files(directory: str) -> list[str]:
    """The tables in a directory, sorted."""
    names = sorted(name for name in os.listdir(directory) if name.endswith(".toml") and name[0] not in "_.")
    return [os.path.join(directory, name) for name in names]


def with_rows(directory: str) -> list[str]:
    """The tables of a directory that are of rows: the others are data of rules that have files of their own."""
    return [path for path in table_files(directory) if _holds_rows(path)]


def _holds_rows(path: str) -> bool:
    with open(path, "rb") as file:
        return _ROW in file.read()
