"""Draws avatars of a DiceBear style into a zip of PNG files, one a seed.

    tf-fewshot draw_avatars --style=avataaars --first=0 --count=50000 --out=avataaars.zip

The same seed always gives the same picture. By this project's convention seeds
below 1,000,000 are for training and seeds from 1,000,000 on for evaluation.
Needs the ``dev`` extra (dicebear-core, dicebear-styles, resvg-py). Each style
names its own licence; ``--licence`` prints it.
"""

from __future__ import annotations

import concurrent.futures
import functools
import importlib.resources
import json
import os
import zipfile

from absl import flags

_STYLE = flags.DEFINE_string("style", "avataaars", "Name of the DiceBear style.")
_FIRST = flags.DEFINE_integer("first", 0, "First seed.", lower_bound=0)
_COUNT = flags.DEFINE_integer("count", 10, "Number of pictures.", lower_bound=1)
_SIZE = flags.DEFINE_integer("size", 64, "Width and height in pixels.", lower_bound=8)
_OUT = flags.DEFINE_string("out", None, "A .zip file, or a folder for loose PNG files.")
_LICENCE = flags.DEFINE_boolean("licence", False, "Print the style's licence and stop.")


@functools.lru_cache(maxsize=1)
def _style(name: str):
    import dicebear

    from tf_fewshot.errors import unknown_name

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

    svg = str(dicebear.Avatar(_style(style)[0], {"seed": str(seed)}))
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


def main() -> None:
    from tf_fewshot.errors import UserError
    from tf_fewshot.files import atomic_path

    meta = _style(_STYLE.value)[1]
    if _LICENCE.value:
        print(json.dumps(meta, indent=2, ensure_ascii=False))
        return
    if not _OUT.value:
        raise UserError("--out is missing: a .zip file or a folder.")
    pictures = draw_many(_STYLE.value, _FIRST.value, _COUNT.value, _SIZE.value)
    if _OUT.value.endswith(".zip"):
        with (
            atomic_path(_OUT.value) as partial,
            zipfile.ZipFile(partial, "w", zipfile.ZIP_STORED) as archive,
        ):
            for name, data in pictures:
                archive.writestr(name, data)
    else:
        for name, data in pictures:
            with atomic_path(os.path.join(_OUT.value, name)) as partial:
                partial.write_bytes(data)
    print(f"{_COUNT.value} pictures of {_STYLE.value} ({meta['license']['name']}) in {_OUT.value}")
