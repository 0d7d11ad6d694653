"""Lists the methods and the four choices that each is made of, or the settings of one.

    tf-fewshot methods                          the table of all methods
    tf-fewshot methods --source=avataaars64     and how many weights each moves there
    tf-fewshot methods ewc                      every setting of EWC, and what it means
    tf-fewshot methods pretrain                 the settings of tf-fewshot pretrain

With a source the table also says what the source lacks for a method. Settings are shown with the
values that they have unless something else is asked for.
"""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Sequence

from absl import flags

from tf_fewshot.errors import UserError, unknown_name

from . import common
from .catalogue import Entry, Part, catalogue
from .output import show
from .startup import load_tensorflow

_SOURCE = flags.DEFINE_string("source", None, "Preset or file of a source to count weights of.")

_PRETRAIN = "pretrain"
_WIDEST = 100


def prepare(argv: list[str]) -> tuple[list[str], str | None]:
    """Returns the arguments without the name of a method, and that name."""
    names = [word for word in argv[1:2] if not word.startswith("-")]
    return [argv[0], *argv[1 + len(names) :]], next(iter(names), None)


def main(name: str | None) -> None:
    if name is None:
        _print_table()
        return
    if _SOURCE.value:
        raise UserError("--source is for the table of all methods: leave out the name of one.")
    width = min(_WIDEST, shutil.get_terminal_size().columns)
    show("\n".join(page(_entry(name), width)))


def page(entry: Entry, width: int) -> list[str]:
    """Returns the lines that tell of a method and its settings.

    Args:
        entry: The method, or a pretraining.
        width: How many columns the lines may have.
    """
    lines = [*_wrapped(f"{entry.name}: {entry.title}", width), *_wrapped(entry.paper, width)]
    for part in entry.parts:
        lines += ["", *_lines_of(part, width)]
    return lines


def _lines_of(part: Part, width: int) -> list[str]:
    """Returns the lines that tell of one class and its settings."""
    lines = _wrapped(f"{part.role} {part.name}: {common.plain(part.text)}", width)
    for setting in part.settings:
        head = f"--{setting.name}={common.shown(setting.value)}  ({setting.expected})"
        lines += ["", *_wrapped(head, width, 2, 6)]
        lines += _wrapped(common.plain(setting.text), width, 6, 6)
    return lines


def _wrapped(text: str, width: int, first: int = 0, others: int = 0) -> list[str]:
    """Returns lines that begin with so many spaces. Words with hyphens stay whole."""
    return textwrap.wrap(
        text,
        width,
        initial_indent=" " * first,
        subsequent_indent=" " * others,
        break_on_hyphens=False,
    )


def _entry(name: str) -> Entry:
    known = catalogue()
    if name == _PRETRAIN:
        return known.pretraining("scratch")
    names = [known.automatic.name, *known.methods]
    if name not in names:
        raise unknown_name("method", name, [*names, _PRETRAIN])
    return known.method(name)


def _print_table() -> None:
    load_tensorflow()
    from tf_fewshot import description, weights

    rows = description.table(weights.load(_SOURCE.value) if _SOURCE.value else None)
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    show("\n".join(_columns(row, widths) for row in rows))


def _columns(row: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
