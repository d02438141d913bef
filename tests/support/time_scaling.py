"""How much longer than promised a thing may take while it is only looked whether it works.

What a test says in seconds (`within=`, a bound on what something took) is what a quiet machine
needs, or what the desk promises. The machine that judges may be several times slower and have other
work, so every such bound is multiplied here, and a promise of time is kept to the second by
`bench/` alone. What comes early, comes twice or comes in the wrong order is wrong on any machine.
"""

PATIENCE = 5.0
"""How many times as long."""


def patiently(seconds: float) -> float:
    """Return the bound that holds on a slow and busy machine."""
    return seconds * PATIENCE
