"""Factor by which the tests extend each time limit.

A limit in a test (`within=`, an upper bound of a duration) is what an idle machine needs, or what
the contract requires. The machine that runs the tests may be slow or busy, so they allow more;
`bench/` checks the limits exactly. An event that is early, duplicate or out of order fails on any
machine.
"""

PATIENCE = 5.0


def patiently(seconds: float) -> float:
    """Return the limit that holds on a slow and busy machine."""
    return seconds * PATIENCE
