"""How errors list the faults of weights."""

from __future__ import annotations


def listed(faults: list[str]) -> str:
    """Returns faults as an error lists them: the first eight, and how many more there are."""
    more = f" and {len(faults) - 8} more" if len(faults) > 8 else ""
    return f"{'; '.join(faults[:8])}{more}"
