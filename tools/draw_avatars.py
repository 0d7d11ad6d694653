"""Draws avatars of a DiceBear style into a zip of PNG files, one a seed.

    tf-fewshot draw_avatars --style=avataaars --first=0 --count=50000 --out=avataaars.zip
    tf-fewshot draw_avatars --style=avataaars,lorelei,rings --latents --out=drawings.npz

An .npz holds arrays, of several styles as classes; with ``--latents`` also what each picture was
drawn from, for the method known_latents of ``tf-fewshot pretrain``.

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

from . import output

_STYLE = flags.DEFINE_list("style", ["avataaars"], "Name of the DiceBear style; several for .npz.")
_FIRST = flags.DEFINE_integer("first", 0, "First seed.", lower_bound=0)
_COUNT = flags.DEFINE_integer("count", 10, "Number of pictures.", lower_bound=1)
_SIZE = flags.DEFINE_integer("size", 64, "Width and height in pixels.", lower_bound=8)
_LATENTS = flags.DEFINE_boolean(
    "latents", False, "Whether an .npz is to hold what each picture was drawn from, too."
)
_OUT = flags.DEFINE_string(
    "out", None, "A .zip file, a folder for loose PNG files, or an .npz of arrays."
)
_LICENCE = flags.DEFINE_boolean("licence", False, "Print the style's licence and stop.")


def main() -> None:
    import numpy as np

    from tf_fewshot.data.avatar_latents import draw_arrays
    from tf_fewshot.data.avatars import draw_many, file_name, style_of
    from tf_fewshot.errors import UserError
    from tf_fewshot.files import atomic_path

    styles = _STYLE.value
    metas = [style_of(style)[1] for style in styles]
    if _LICENCE.value:
        for meta in metas:
            print(json.dumps(meta, indent=2, ensure_ascii=False))
        return
    if not _OUT.value:
        raise UserError("--out is missing: a .zip file, a folder or an .npz.")
    drawn = ", ".join(
        f"{style} ({meta['license']['name']})" for style, meta in zip(styles, metas, strict=True)
    )
    done = f"{_COUNT.value} pictures {'each ' * (len(styles) > 1)}of {drawn} in {_OUT.value}"
    if _OUT.value.endswith(".npz"):
        arrays = draw_arrays(styles, _FIRST.value, _COUNT.value, _SIZE.value, _LATENTS.value)
        with atomic_path(_OUT.value) as partial, open(partial, "wb") as file:
            np.savez(file, allow_pickle=False, **arrays)
        print(done)
        return
    if len(styles) != 1 or _LATENTS.value:
        raise UserError("Several styles, and latents, go into an .npz: --out=NAME.npz.")
    if not _OUT.value.endswith(".zip"):
        seeds = range(_FIRST.value, _FIRST.value + _COUNT.value)
        output.check_folder(_OUT.value, map(file_name, seeds))
    pictures = draw_many(styles[0], _FIRST.value, _COUNT.value, _SIZE.value)
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
    print(done)
