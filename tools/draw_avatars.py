"""Draws avatars of a DiceBear style into a zip of PNG files, one a seed.

    tf-fewshot draw_avatars --style=avataaars --first=0 --count=50000 --out=avataaars.zip

The same seed always gives the same picture. By this project's convention seeds
below 1,000,000 are for training and seeds from 1,000,000 on for evaluation.
Needs the ``dev`` extra (dicebear-core, dicebear-styles, resvg-py). Each style
names its own licence; ``--licence`` prints it.
"""

from __future__ import annotations

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


def main() -> None:
    from tf_fewshot.data.avatars import draw_many, style_of
    from tf_fewshot.errors import UserError
    from tf_fewshot.files import atomic_path

    meta = style_of(_STYLE.value)[1]
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
