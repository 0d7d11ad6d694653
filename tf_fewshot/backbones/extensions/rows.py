"""Numbers that each row of a batch has for extensions, such as the domain it is of.

They go past the architectures, whose networks are called with latents and labels alone.
"""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Iterator, Mapping
from typing import Any

_ROWS: contextvars.ContextVar[Mapping[str, Any] | None] = contextvars.ContextVar(
    "rows", default=None
)


@contextlib.contextmanager
def given_rows(**rows: Any) -> Iterator[None]:
    """Inside this, :func:`rows_of` gives these values by their names.

    Args:
        **rows: int ``[N]`` each, for the N rows of the batch that a network is called with. In
            a ``tf.function`` the call of the network and this must be in the same trace.
    """
    token = _ROWS.set({**(_ROWS.get() or {}), **rows})
    try:
        yield
    finally:
        _ROWS.reset(token)


def rows_of(name: str) -> Any:
    """Returns what was given by this name for each row of the batch; None if nothing was."""
    return (_ROWS.get() or {}).get(name)
