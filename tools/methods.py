"""Lists the methods and the four choices that each is made of."""

from __future__ import annotations

from .startup import load_tensorflow


def main() -> None:
    load_tensorflow()
    from tf_fewshot import methods

    rows: list[tuple[str, ...]] = [
        ("method", "objective", "trainable", "latents", "regularizers", "paper")
    ]
    for name in methods.names():
        m = methods.get(name)
        cells = [type(c).__name__ for c in (m.objective, m.trainable, m.latents)]
        rows.append((name, *cells, ", ".join(type(r).__name__ for r in m.regularizers), m.paper))
    widths = [max(len(row[i]) for row in rows) for i in range(5)]
    for row in rows:
        print("  ".join([*(row[i].ljust(widths[i]) for i in range(5)), row[5]]).rstrip())
