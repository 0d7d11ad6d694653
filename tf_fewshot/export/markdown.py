"""Markdown and YAML of texts that users chose: nothing in them is taken for markup."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

# What begins something within a line, and what makes a link of an address.
_MARKUP = re.compile(r"([!#$&*:<>@\[\\\]^_`{|}~]|(?<=www)\.)", re.IGNORECASE)
# What JSON leaves as it is, and YAML does not take between quotes, or takes for a line's end.
_NOT_IN_YAML = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
# Control characters, formats (which turn the direction of writing), surrogates, ends of lines.
_UNSEEN = ("Cc", "Cf", "Cs", "Zl", "Zp")
_LONGEST = 200


def plain(text: Any) -> str:
    """A text on one line, without control characters and halves of surrogate pairs, not long."""
    kept = (" " if unicodedata.category(c) in _UNSEEN else c for c in str(text))
    words = " ".join("".join(kept).split())
    return words if len(words) <= _LONGEST else words[: _LONGEST - 1] + "…"


def escaped(text: Any) -> str:
    """A text as Markdown that shows it as it is, on one line."""
    return _MARKUP.sub(r"\\\1", plain(text))


def python_string(text: str) -> str:
    """A text as a literal of Python on one line, in ASCII and without backticks."""
    if text.isascii() and text.isprintable() and not set(text) & set('"\\`'):
        return f'"{text}"'
    return ascii(text).replace("`", "\\x60")


def table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A table; the cells are escaped, its head is not."""
    lines = [head, ["---"] * len(head), *([escaped(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def yaml_header(values: Mapping[str, str | Sequence[str]]) -> str:
    """The block of YAML that a model card begins with; its strings are JSON, which is YAML."""
    lines = ["---"]
    for name, value in values.items():
        if isinstance(value, str):
            lines.append(f"{name}: {_scalar(value)}")
        else:
            lines += [f"{name}:", *(f"- {_scalar(item)}" for item in value)]
    return "\n".join([*lines, "---"])


def _scalar(text: str) -> str:
    return _NOT_IN_YAML.sub(
        lambda found: f"\\u{ord(found[0]):04x}", json.dumps(plain(text), ensure_ascii=False)
    )
