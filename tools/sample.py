"""Draws pictures from an adapted generator or a source.

tf-fewshot sample --adapter=runs/mine/adapter --n=16 --seed=0 --truncation=0.7 --out=grid.png
tf-fewshot sample --source=avataaars64 --n=100 --out=pictures/
"""

from __future__ import annotations

import os

from absl import flags

from . import common, output
from .startup import load_tensorflow

_ADAPTER = flags.DEFINE_string("adapter", None, "Adapter file, or the folder that holds it.")
_SOURCE = flags.DEFINE_string("source", None, "Preset or file of a source.")
_N = flags.DEFINE_integer("n", 16, "Number of pictures.", lower_bound=1)
_TRUNCATION = flags.DEFINE_float(
    "truncation", None, "StyleGAN's psi, or the threshold of the latents; else the method's."
)
_LABEL = flags.DEFINE_integer("label", None, "Class, where there are classes; else any.")
_OUT = flags.DEFINE_string("out", "grid.png", "A .png grid, or a folder for single pictures.")


def main() -> None:
    from tf_fewshot.errors import UserError

    if not (_ADAPTER.value or _SOURCE.value):
        raise UserError("Give --adapter=FILE (an adapted generator) or --source=NAME.")
    suffix = os.path.splitext(_OUT.value)[1].lower()
    if suffix in (".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff"):
        raise UserError(f"--out={_OUT.value}: a grid is written as .png, which loses nothing.")
    names = [f"{i:05d}.png" for i in range(_N.value)]
    if not _OUT.value.endswith(".png"):
        output.check_folder(_OUT.value, names)
    load_tensorflow()
    from tf_fewshot.adapted import load_adapter
    from tf_fewshot.backbones.sampling import sample_images
    from tf_fewshot.data.grid import image_grid, save_png

    if _ADAPTER.value:
        adapted = load_adapter(_ADAPTER.value, _SOURCE.value)
        images = adapted.sample(_N.value, common.SEED.value, _TRUNCATION.value, _LABEL.value)
    else:
        from tf_fewshot import weights

        gan = weights.load(_SOURCE.value or "")
        images = sample_images(
            gan, _N.value, common.SEED.value, _TRUNCATION.value, label=_LABEL.value
        )
    if _OUT.value.endswith(".png"):
        save_png(image_grid(images, columns=common.columns_of(_N.value)), _OUT.value)
    else:
        for name, image in zip(names, images, strict=True):
            save_png(image, os.path.join(_OUT.value, name))
    print(_OUT.value)
