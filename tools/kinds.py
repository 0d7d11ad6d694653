"""Commands whose first word says what is done, each kind of which looks at flags of its own."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

from absl import flags

from tf_fewshot.errors import UserError


@dataclasses.dataclass(frozen=True)
class Kind:
    """What a command can do.

    Attributes:
        write: Does it, and returns where the result is.
        uses: The flags that it looks at, beside --out and those of all commands.
        needs: Flags of which one at least must be given; of each of these groups.
    """

    write: Callable[[], Path]
    uses: tuple[str, ...] = ()
    needs: tuple[tuple[str, ...], ...] = ()

    def check(self, what: str, command: str) -> None:
        """Raises a UserError for flags that are missing, or that it does not look at.

        Args:
            what: The first word.
            command: The module that defines the flags.
        """
        known = {*self.uses, *(name for group in self.needs for name in group), "out"}
        for flag in flags.FLAGS.flags_by_module_dict()[command]:
            if flag.present and flag.name not in known:
                raise UserError(f"{what} does not look at --{flag.name}: leave it out.")
        for group in self.needs:
            if not any(flags.FLAGS[name].value for name in group):
                raise UserError(f"{what} needs {' or '.join(f'--{name}' for name in group)}.")
