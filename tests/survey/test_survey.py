"""A survey as it is run: workers of their own, parts that are not done twice, questions on the rows."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.survey.test_tabulated import ARCHIVE, ONE

for name in ("distributed", "pyarrow", "duckdb"):
    pytest.importorskip(name, reason="needs patchscan[survey]")

ROOT = Path(__file__).parents[2]
# Starting workers takes seconds.
pytestmark = pytest.mark.slow


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}


def run(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "patchscan", "survey", *words]
    return subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)


def answer(result: Path, question: str) -> list[list[str]]:
    done = run("ask", str(result), question)
    assert done.returncode == 0, done.stderr
    return [line.split("\t") for line in done.stdout.splitlines()]


def rows(result: Path) -> list[list[list[str]]]:
    return [answer(result, f"SELECT * FROM {table} ORDER BY ALL") for table in ("series", "findings")]


@pytest.fixture
def archive(tmp_path: Path) -> str:
    """Eighty works more, so that there are several parts."""
    more = [
        ONE.replace("v1@", f"m{n}@")
        .replace("Eve", f"P{n}")
        .replace("eve@", f"p{n}@")
        .replace("count", f"count {n}")
        for n in range(80)
    ]
    (tmp_path / "list.mbox").write_text(ARCHIVE + "".join(more))
    return str(tmp_path / "list.mbox")


def test_one_worker_and_two_give_the_same_rows(archive: str, tmp_path: Path) -> None:
    for workers in ("1", "2"):
        done = run(
            archive, "-o", str(tmp_path / workers), "--workers", workers, "--select", "barrier-comment"
        )
        assert done.returncode == 0, done.stderr
    one, two = rows(tmp_path / "1"), rows(tmp_path / "2")
    assert one == two
    assert (len(one[0]) - 1, len(one[1]) - 1) == (83, 82)
    ((_, *counts),) = answer(tmp_path / "1", "SELECT rule, sum(1), max(line) FROM findings GROUP BY rule")[1:]
    assert counts == ["82", "3"]
    record = run("record", str(tmp_path / "1")).stdout.splitlines()
    assert record[1:] == ["*\t\t3\t1\t2\t3\t0\t0", "barrier-comment\twarning\t1\t1\t0\t1\t0\t0"]


def test_what_is_done_is_not_done_again(archive: str, tmp_path: Path) -> None:
    result = tmp_path / "out"
    words = [archive, "-o", str(result), "--workers", "1", "--select", "barrier-comment"]
    assert run(*words).returncode == 0
    parts = sorted(result.glob("*/*.parquet"))
    whole = rows(result)
    assert len(parts) == 6
    parts[0].unlink()
    stays = {path: path.stat().st_mtime_ns for path in parts[1:]}
    done = run(*words)
    assert "1 of 1 parts" not in done.stderr or done.returncode == 0
    (result / "series" / parts[0].name).unlink()
    assert "patchscan: 1 of 1 parts" in run(*words).stderr
    assert rows(result) == whole
    assert sum(path.stat().st_mtime_ns != when for path, when in stays.items()) == 1
    other = run(*words[:-1], "kernel-doc")
    assert (other.returncode, "begun with other rules" in other.stderr) == (2, True)


def test_a_survey_that_was_killed_goes_on(archive: str, tmp_path: Path) -> None:
    result = tmp_path / "out"
    words = ["-m", "patchscan", "survey", archive, "-o", str(result), "--workers", "1"]
    words += ["--select", "barrier-comment"]
    with subprocess.Popen(
        [sys.executable, *words], env=environment(), stderr=subprocess.DEVNULL, start_new_session=True
    ) as process:
        for _ in range(600):
            if list(result.glob("series/*.parquet")) or process.poll() is not None:
                break
            time.sleep(0.1)
        os.killpg(process.pid, signal.SIGKILL)
    assert run(*words[3:]).returncode == 0
    run(archive, "-o", str(tmp_path / "whole"), "--workers", "1", "--select", "barrier-comment")
    assert rows(result) == rows(tmp_path / "whole")


def test_a_work_that_ends_its_workers_is_told(archive: str, tmp_path: Path) -> None:
    rule = tmp_path / "rules"
    rule.mkdir()
    (rule / "deadly.py").write_text(
        "import os\nfrom patchscan.rule import Rule\n"
        "def check(context):\n"
        "    if 'count 7' == context.patch.title.partition(': ')[2]: os._exit(9)\n"
        "    return\n    yield\n"
        "RULE = Rule('deadly', 's', 'w', 's', 'info', 'low', check, ('+\\tx;',), ('+\\ty;',))\n"
    )
    result = tmp_path / "out"
    done = run(archive, "-o", str(result), "--workers", "2", "--rules", str(rule), "--select", "deadly")
    assert done.returncode == 3
    assert "m7@example.org: its worker ended 2 times" in done.stderr
    assert [row[1] for row in answer(result, "lost")[1:]] == ["m7@example.org"]
    assert len(answer(result, "SELECT * FROM series")) == 84
