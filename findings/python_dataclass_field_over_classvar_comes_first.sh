#!/usr/bin/env bash
# Python 3.11.7 (dataclasses).
#
# The base of a dataclass has a ClassVar with a value, and a subclass has a field of that name. One
# expects that fields stand in the order in which they are written: a ClassVar is no field.
#
# Seen: the base keeps a note of its ClassVar among its fields, and the subclass's field takes that
# place, the first one, wherever it is written. So S(1, 2) sets "count" to 1 and "size" to 2, and to
# make a field of what was a ClassVar moves all positional arguments by one, without an error.
set -euo pipefail
python3 - <<'PYTHON'
import dataclasses
from typing import ClassVar


@dataclasses.dataclass(frozen=True)
class Base:
    count: ClassVar[int] = 0


@dataclasses.dataclass(frozen=True)
class S(Base):
    size: int = 8
    width: int = 4
    count: int = 0


print("fields:", [field.name for field in dataclasses.fields(S)])
print(S(1, 2))
assert S(1, 2) == S(count=1, size=2)
PYTHON
