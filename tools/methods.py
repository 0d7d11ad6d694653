"""Lists the methods and the four choices that each is made of.

tf-fewshot methods --source=avataaars64

With a source it also says how many weights each method moves there, or what it lacks.
"""

from __future__ import annotations

from absl import flags

from .startup import load_tensorflow

_SOURCE = flags.DEFINE_string("source", None, "Preset or file of a source to count weights of.")


def main() -> None:
    load_tensorflow()
    from tf_fewshot import description, weights

    rows = description.table(weights.load(_SOURCE.value) if _SOURCE.value else None)
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        print(
            "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
        )
