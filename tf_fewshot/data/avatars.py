"""Pictures of DiceBear styles, one a seed: the same seed always gives the same avatar.

They need the ``dev`` extra (dicebear-core, dicebear-styles, resvg-py).
"""

from __future__ import annotations

import concurrent.futures
import functools
import importlib
import importlib.resources
import json
import os
from collections.abc import Iterator
from typing import Any

from ..errors import UserError, unknown_name

_CHUNK = 250


@functools.lru_cache(maxsize=1)
def style_of(name: str) -> tuple[Any, dict[str, Any]]:
    """Reads a style by its name.

    Returns:
        A ``dicebear.Style``, and what its definition says of itself: licence, author, ….

    Raises:
        UserError: if there is no such style, or DiceBear is not installed.
    """
    folder = importlib.resources.files(_extra("dicebear_styles"))
    path = folder / f"{name}.json"
    if not path.is_file():
        known = [p.name[:-5] for p in folder.iterdir() if p.name.endswith(".json")]
        raise unknown_name("style", name, known)
    definition = json.loads(path.read_text("utf-8"))
    return dicebear().Style(definition), definition["meta"]


def draw(style: str, seed: int, size: int) -> bytes:
    """Returns the PNG file of one avatar on white, ``size`` × ``size`` pixels.

    Raises:
        UserError: if there is no such style, or DiceBear is not installed.
    """
    return rasterised(str(dicebear().Avatar(style_of(style)[0], {"seed": str(seed)})), size)


def rasterised(svg: str, size: int) -> bytes:
    """Returns the PNG file of a drawing on white, ``size`` × ``size`` pixels."""
    return bytes(
        _extra("resvg_py").svg_to_bytes(
            svg_string=svg, width=size, height=size, background="#ffffff", skip_system_fonts=True
        )
    )


def draw_many(style: str, first: int, count: int, size: int) -> Iterator[tuple[str, bytes]]:
    """Draws avatars on all processors.

    Yields:
        ``(file name, PNG bytes)`` for seeds ``first`` … ``first + count - 1`` in order.
    """
    end = first + count
    chunks = [range(start, min(start + _CHUNK, end)) for start in range(first, end, _CHUNK)]
    with concurrent.futures.ProcessPoolExecutor(min(os.cpu_count() or 1, len(chunks))) as pool:
        for part in pool.map(_draw_range, [style] * len(chunks), chunks, [size] * len(chunks)):
            yield from part


def _draw_range(style: str, seeds: range, size: int) -> list[tuple[str, bytes]]:
    return [(file_name(seed), draw(style, seed, size)) for seed in seeds]


def file_name(seed: int) -> str:
    """Returns what the file of an avatar is called."""
    return f"{seed:07d}.png"


def dicebear(module: str = "") -> Any:
    """Returns DiceBear, or a module of it.

    Raises:
        UserError: if it is not installed.
    """
    return _extra(f"dicebear.{module}" if module else "dicebear")


def _extra(module: str) -> Any:
    """Imports a module that only the ``dev`` extra brings."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise UserError(
            f"Avatars need DiceBear ({error}): pip install 'tf-fewshot[dev]'."
        ) from error
