"""Rows on disk: a pair of Parquet files a part, written whole or not at all, so that what is there was finished."""

import os
from collections.abc import Sequence

import pyarrow
import pyarrow.parquet

from patchscan.survey.tabulated import Row

_TEXT, _NUMBER, _TRUTH = pyarrow.string(), pyarrow.int64(), pyarrow.bool_()
_COMMON = [
    ("list", _TEXT),
    ("work", _TEXT),
    ("message_id", _TEXT),
    ("year", _NUMBER),
    ("revision", _NUMBER),
    ("release", _TEXT),
]
SCHEMAS = {
    "series": pyarrow.schema(
        [
            *_COMMON,
            ("title", _TEXT),
            ("patches", _NUMBER),
            ("last", _TRUTH),
            ("fit", _TEXT),
            ("judged", _TEXT),
            ("lost", _TEXT),
            ("added", _NUMBER),
            ("changed", _NUMBER),
            ("unchanged", _NUMBER),
            ("remarked", _NUMBER),
            ("merged", _NUMBER),
            ("unmerged", _NUMBER),
        ]
    ),
    "findings": pyarrow.schema(
        [
            *_COMMON,
            ("rule", _TEXT),
            ("severity", _TEXT),
            ("confidence", _TEXT),
            ("patch", _NUMBER),
            ("path", _TEXT),
            ("line", _NUMBER),
            ("message", _TEXT),
            ("fingerprint", _TEXT),
            ("counts", _TRUTH),
            ("suppressed", _TEXT),
            ("became", _TEXT),
            ("remarked", _TRUTH),
            ("merged", _TRUTH),
        ]
    ),
}


def part_path(result: str, kind: str, name: str) -> str:
    """Where a part is; kind: "series" or "findings"."""
    return os.path.join(result, kind, f"{name}.parquet")


def is_written(result: str, name: str) -> bool:
    """Whether a part is there; its findings are written first."""
    return os.path.exists(part_path(result, "series", name))


def write_part(result: str, name: str, series: Sequence[Row], findings: Sequence[Row]) -> None:
    """Write the rows of a part."""
    for kind, rows in (("findings", findings), ("series", series)):
        path = part_path(result, kind, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        table = pyarrow.Table.from_pylist(list(rows), schema=SCHEMAS[kind])
        pyarrow.parquet.write_table(table, f"{path}.new")
        os.replace(f"{path}.new", path)
