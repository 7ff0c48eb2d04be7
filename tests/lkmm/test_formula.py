"""The literals that a formula makes of others."""

from itertools import product

from patchscan.lkmm.solving.cnf import FALSE, TRUE, Formula
from pysat.solvers import Solver


def test_a_choice_is_one_side_or_the_other() -> None:
    """For all literals, known, alike and opposite ones among them, and all that they may stand for."""
    for condition, then, otherwise in product((TRUE, FALSE, 2, 3, 4, -2, -3, -4), repeat=3):
        formula = Formula()
        variables = [formula.new_variable() for _ in range(3)]
        chosen = formula.choose(condition, then, otherwise)
        with Solver(name="glucose4", bootstrap_with=formula.clauses) as solver:
            for signs in product((1, -1), repeat=3):
                assumed = [sign * variable for sign, variable in zip(signs, variables, strict=True)]
                holding = {TRUE, *assumed}
                wanted = (then if condition in holding else otherwise) in holding
                assert solver.solve(assumptions=[*assumed, chosen]) == wanted
                assert solver.solve(assumptions=[*assumed, -chosen]) != wanted
