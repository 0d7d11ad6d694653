"""What is said of weights that are not those of a network."""

from __future__ import annotations


def listed(faults: list[str]) -> str:
    """What a message says of faults: the first eight, and how many more there are."""
    more = f" and {len(faults) - 8} more" if len(faults) > 8 else ""
    return f"{'; '.join(faults[:8])}{more}"
