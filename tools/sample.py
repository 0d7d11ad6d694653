"""Draws pictures from an adapted generator or a source.

tf-fewshot sample --adapter=runs/mine/adapter --n=16 --seed=0 --truncation=0.7 --out=grid.png
tf-fewshot sample --source=avataaars64 --n=100 --out=pictures/
tf-fewshot sample --source=dcgan-faces64 --n=40000 --out=faces.npz

An .npz holds arrays: images, the latents that they were drawn from, and classes. From it another
architecture learns what this generator draws (the method known_latents_game of
``tf-fewshot pretrain``).
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
_OUT = flags.DEFINE_string(
    "out", "grid.png", "A .png grid, a folder for single pictures, or an .npz with their latents."
)


def main() -> None:
    from tf_fewshot.errors import UserError

    if not (_ADAPTER.value or _SOURCE.value):
        raise UserError("Give --adapter=FILE (an adapted generator) or --source=NAME.")
    suffix = os.path.splitext(_OUT.value)[1].lower()
    if suffix in (".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff"):
        raise UserError(f"--out={_OUT.value}: a grid is written as .png, which loses nothing.")
    names = [f"{i:05d}.png" for i in range(_N.value)]
    if suffix not in (".png", ".npz"):
        output.check_folder(_OUT.value, names)
    load_tensorflow()
    import numpy as np

    from tf_fewshot.adapted import load_adapter
    from tf_fewshot.backbones.sampling import sample_arrays
    from tf_fewshot.data.grid import image_grid, save_png
    from tf_fewshot.files import atomic_path

    truncation = _TRUNCATION.value
    if _ADAPTER.value:
        adapted = load_adapter(_ADAPTER.value, _SOURCE.value)
        gan, truncation = adapted.gan, adapted.truncation if truncation is None else truncation
    else:
        from tf_fewshot import weights

        gan = weights.load(_SOURCE.value or "")
    arrays = sample_arrays(gan, _N.value, common.SEED.value, truncation, label=_LABEL.value)
    images = arrays["images"]
    if suffix == ".npz":
        with atomic_path(_OUT.value) as partial, open(partial, "wb") as file:
            np.savez(file, allow_pickle=False, **arrays)
    elif suffix == ".png":
        save_png(image_grid(images, columns=common.columns_of(_N.value)), _OUT.value)
    else:
        for name, image in zip(names, images, strict=True):
            save_png(image, os.path.join(_OUT.value, name))
    print(_OUT.value)
