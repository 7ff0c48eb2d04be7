"""Questions on the rows of a survey, answered by DuckDB."""

import os
from typing import Any

import duckdb

from patchscan.basics.usage import UsageError

# What one asks most often; "findings" and "series" are the tables.
QUESTIONS = {
    "rules": """
        SELECT rule, severity, count(*) AS findings, count(DISTINCT work) AS works,
               count(*) FILTER (became = 'changed') AS changed,
               count(*) FILTER (became = 'unchanged') AS unchanged,
               count(*) FILTER (remarked) AS remarked,
               count(*) FILTER (merged) AS merged,
               count(*) FILTER (NOT merged) AS unmerged
        FROM findings WHERE counts GROUP BY ALL ORDER BY findings DESC, rule, severity""",
    "lists": """
        SELECT list, count(*) AS series, sum(patches) AS patches, count(*) FILTER (judged = 'partly') AS partly,
               sum(added) AS added, sum(changed) AS changed
        FROM series GROUP BY ALL ORDER BY list""",
    "years": """
        SELECT series.year, count(DISTINCT series.message_id) AS series, count(rule) AS findings
        FROM series LEFT JOIN findings ON series.message_id = findings.message_id AND counts
        GROUP BY ALL ORDER BY ALL""",
    "became": """
        SELECT became, severity, count(*) AS findings, count(*) FILTER (remarked) AS remarked
        FROM findings WHERE counts GROUP BY ALL ORDER BY ALL""",
    "lost": "SELECT list, message_id, title, lost FROM series WHERE judged = 'partly' ORDER BY ALL",
}


def asked(result: str, question: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    """(names of columns, rows) of one of the questions, or of what is asked in SQL. Raises UsageError."""
    connection = duckdb.connect()
    try:
        for table in ("series", "findings"):
            place = os.path.join(result, table)
            if not os.path.isdir(place):
                raise UsageError(f"{result}: holds no rows of a survey")
            connection.read_parquet(os.path.join(_plain(place), "*.parquet")).to_view(table)
        answer = connection.execute(QUESTIONS.get(question, question))
        return [each[0] for each in answer.description or ()], answer.fetchall()
    except duckdb.Error as error:
        raise UsageError(f"{question.strip().splitlines()[0]}: {str(error).splitlines()[0]}") from None
    finally:
        connection.close()


def _plain(path: str) -> str:
    """A path in which no character stands for others. Raises UsageError."""
    if any(mark in path for mark in "*?["):
        raise UsageError(f"{path}: name a directory without * ? or [")
    return path
