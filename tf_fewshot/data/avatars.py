"""The pictures of DiceBear styles, one a seed. Needs the ``dev`` extra."""

from __future__ import annotations

import concurrent.futures
import functools
import importlib.resources
import json
import os

from ..errors import unknown_name


@functools.lru_cache(maxsize=1)
def style_of(name: str):
    """The style of that name, and what its definition says of it (licence, author)."""
    import dicebear

    folder = importlib.resources.files("dicebear_styles")
    path = folder / f"{name}.json"
    if not path.is_file():
        known = [p.name[:-5] for p in folder.iterdir() if p.name.endswith(".json")]
        raise unknown_name("style", name, known)
    definition = json.loads(path.read_text("utf-8"))
    return dicebear.Style(definition), definition["meta"]


def draw(style: str, seed: int, size: int) -> bytes:
    """Returns the PNG file of one avatar on white, ``size`` × ``size`` RGB."""
    import dicebear
    import resvg_py

    svg = str(dicebear.Avatar(style_of(style)[0], {"seed": str(seed)}))
    return bytes(
        resvg_py.svg_to_bytes(
            svg_string=svg, width=size, height=size, background="#ffffff", skip_system_fonts=True
        )
    )


def _draw_range(style: str, seeds: range, size: int) -> list[tuple[str, bytes]]:
    return [(f"{seed:07d}.png", draw(style, seed, size)) for seed in seeds]


def draw_many(style: str, first: int, count: int, size: int):
    """Yields ``(file name, PNG bytes)`` for seeds ``first`` … ``first + count - 1`` in order."""
    chunks = [
        range(start, min(start + 250, first + count)) for start in range(first, first + count, 250)
    ]
    with concurrent.futures.ProcessPoolExecutor(min(os.cpu_count() or 1, len(chunks))) as pool:
        for part in pool.map(_draw_range, [style] * len(chunks), chunks, [size] * len(chunks)):
            yield from part
