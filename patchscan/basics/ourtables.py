"""Those of our tables that are data of one room: read from TOML once, then from what is kept beside them."""

import os
from typing import Any

from patchscan.basics.marked import made_of

NAMES = ("conventions.toml", "resources.toml", "words.toml")


def table_path(name: str) -> str:
    """Where a table of rules/tables is: beside the package in a checkout, in it where it is installed."""
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    checkout = os.path.join(os.path.dirname(package), "rules", "tables")
    directory = checkout if os.path.isdir(checkout) else os.path.join(package, "rules", "tables")
    return os.path.join(directory, name)


def read_table(name: str) -> dict[str, Any]:
    """A table of rules/tables; to import tomllib takes as long as a tenth of a small scan."""
    return read_kept(table_path(name))


def read_kept(path: str) -> dict[str, Any]:
    """A TOML file of ours."""

    def read() -> dict[str, Any]:
        import tomllib

        with open(path, "rb") as file:
            return tomllib.load(file)

    directory, name = os.path.split(path)
    table: dict[str, Any] = made_of(
        [path], os.path.join(directory, f"compiled.{name.removesuffix('.toml')}"), read
    )
    return table
