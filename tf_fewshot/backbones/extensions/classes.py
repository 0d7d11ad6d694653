"""The classes of a network, as its configuration or an extension has them."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Classes:
    """The classes of a network.

    Attributes:
        rows: How many rows the tables of classes have; 0 if there are no classes.
        labelled: Whether labels choose the row. Otherwise the only one serves all pictures.
    """

    rows: int
    labelled: bool

    @property
    def count(self) -> int:
        """How many classes labels tell apart; 0 if the network takes no labels."""
        return self.rows if self.labelled else 0

    @property
    def single(self) -> bool:
        """Whether there is one row for all pictures, and no label."""
        return self.rows == 1 and not self.labelled
