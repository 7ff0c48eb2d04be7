"""What is known of a value: whether it may be negative (an ERR_PTR), zero (NULL) or positive (a valid pointer)."""

NEGATIVE, ZERO, POSITIVE = 1, 2, 4
NOT_ZERO = NEGATIVE | POSITIVE
NOT_NEGATIVE = ZERO | POSITIVE
NOT_POSITIVE = NEGATIVE | ZERO
ANY = NEGATIVE | ZERO | POSITIVE
# It held before something ran that may have changed it: enough to leave a way out, not to prove one.
STALE = 8
# It was stored where others reach it, and holds until something runs.
STORED = 16

# What a comparison with zero tells where it holds.
AGAINST_ZERO = {
    "<": NEGATIVE,
    "<=": NOT_POSITIVE,
    ">": POSITIVE,
    ">=": NOT_NEGATIVE,
    "==": ZERO,
    "!=": NOT_ZERO,
}
# (where it holds, where it does not) of a comparison with a value above zero, and with one below.
AGAINST_POSITIVE = {
    "<": (ANY, POSITIVE),
    "<=": (ANY, POSITIVE),
    ">": (POSITIVE, ANY),
    ">=": (POSITIVE, ANY),
    "==": (POSITIVE, ANY),
    "!=": (ANY, POSITIVE),
}
AGAINST_NEGATIVE = {
    "<": (NEGATIVE, ANY),
    "<=": (NEGATIVE, ANY),
    ">": (ANY, NEGATIVE),
    ">=": (ANY, NEGATIVE),
    "==": (NEGATIVE, ANY),
    "!=": (ANY, NEGATIVE),
}
MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}


def negated(signs: int) -> int:
    """The signs of -x."""
    low = POSITIVE if signs & NEGATIVE else 0
    return low | (signs & ZERO) | (NEGATIVE if signs & POSITIVE else 0)


def others(signs: int) -> int:
    """The signs that are left where a test for these does not hold."""
    return ANY & ~signs
