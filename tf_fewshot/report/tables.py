"""Tables of numbers."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Literal


def number_table(
    headings: Sequence[str],
    rows: Sequence[Sequence[str]],
    kind: Literal["numbers", "rows"] = "numbers",
) -> str:
    """Gives a table that scrolls where it is wider than the page.

    Args:
        headings: Of the columns.
        rows: What stands in them.
        kind: "numbers" sets off the first two columns, what was measured and its value; "rows"
            the first alone.
    """
    head = "".join(f'<th scope="col">{html.escape(name)}</th>' for name in headings)
    body = "".join(
        "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    return (
        '<div class="scroll" tabindex="0" role="group" aria-label="Numbers">'
        f'<table class="{kind}"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
    )
