"""A verdict against the test's own `Result:` line, as the kernel's scripts/judgelitmus.sh judges it."""

from __future__ import annotations

from patchscan.lkmm.answers.outcome import Result


def judge(result: Result) -> tuple[str, str]:
    """(fault, remark): the fault is "" when the result is as expected, the remark is for people.

    Without a `Result:` line every verdict is as good as another, except that nothing could be executed at
    all, or that sections do not match: such a model proves nothing. A verdict that differs is forgiven where
    there is a data race, for then the test promises nothing.
    """
    stuck = next((flag for flag in result.flags if flag in ("deadlock", "vacuous")), None)
    race = "data-race" in result.flags
    if not result.expected:
        stuck = stuck or next((flag for flag in result.flags if flag.startswith("unmatched")), None)
        return (stuck, stuck) if stuck else _unless_known(result)
    outcome, predicted_race = result.expected[0], "DATARACE" in result.expected[1:]
    if predicted_race and not race:
        return "race", "a data race was predicted and there is none"
    if race and not predicted_race:
        return "race", "there is a data race that was not predicted"
    if outcome == "DEADLOCK":
        return ("", f"{stuck}, as expected") if stuck else ("verdict", "a deadlock was expected")
    if stuck:
        return stuck, f"{stuck}, expected {outcome}"
    if outcome in (result.outcome, "Maybe"):
        return "", "as expected"
    if race:
        return "", f"expected {outcome}, forgiven for the data race"
    return "verdict", f"expected {outcome}"


def _unless_known(result: Result) -> tuple[str, str]:
    return ("unknown", "a limit was met") if result.outcome == "Unknown" else ("", "")
