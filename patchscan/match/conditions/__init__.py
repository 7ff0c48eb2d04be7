"""The conditions that a row may name, each a function of ours with a test of its own."""

from patchscan.match.conditions.lists import CONDITIONS as LISTS
from patchscan.match.conditions.places import CONDITIONS as PLACES
from patchscan.match.conditions.texts import CONDITIONS as TEXTS
from patchscan.match.conditions.variables import CONDITIONS as VARIABLES
from patchscan.match.place import Condition

CONDITIONS: dict[str, Condition] = {**TEXTS, **VARIABLES, **PLACES, **LISTS}
