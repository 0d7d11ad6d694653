"""Converts a generator with its discriminator to this project's own format, or to Keras files.

    tf-fewshot convert --source=stylegan-ffhq.pkl --out=ffhq.npz --half
    tf-fewshot convert --source=ffhq.npz --out=ffhq.keras

The format is told from the content; nothing in the file is run. A .npz holds both networks and
what is known of their origin; a .keras holds the generator, and NAME.discriminator.keras the
discriminator. To load one takes two lines of Python, without any name of this project:

    import keras, tf_fewshot
    generator = keras.models.load_model("ffhq.keras")
"""

from __future__ import annotations

import math
import os

from absl import flags

from .startup import load_tensorflow

_SOURCE = flags.DEFINE_string("source", None, "Preset or file to convert.")
_OUT = flags.DEFINE_string("out", None, "Where to: a .npz or .keras file.")
_HALF = flags.DEFINE_boolean("half", False, "Store kernels in float16 (.npz only).")


def main() -> None:
    from tf_fewshot.errors import UserError

    if not _SOURCE.value:
        raise UserError("--source is missing: the file or preset to convert.")
    out = _OUT.value or ""
    stem, suffix = os.path.splitext(out)
    if suffix not in (".npz", ".keras"):
        raise UserError("--out is missing or of no known format: end it in .npz or .keras.")
    if _HALF.value and suffix == ".keras":
        raise UserError("--half is for .npz: Keras files hold what the network computes with.")
    load_tensorflow()
    from tf_fewshot import weights
    from tf_fewshot.export.keras_file import save_keras
    from tf_fewshot.weights.native.gan_file import save_gan

    gan = weights.load(_SOURCE.value)
    print(f"{gan.architecture} {gan.config}")
    for network in gan.networks():
        count = sum(math.prod(v.shape) for v in network.weights)
        print(f"{network.name}: {count:,} numbers in {len(network.weights)} variables")
    metadata = dict(gan.source_metadata)
    origin = {k: metadata.pop(k, None) for k in ("name", "sha256")}
    # Of the first file, where one was converted before.
    metadata.setdefault("converted_from", origin)
    if metadata.get("licence"):
        print(f"Licence: {metadata['licence']}")
    if suffix == ".npz":
        save_gan(gan, out, half=_HALF.value, metadata=metadata)
        print(out)
        return
    for network, path in zip(gan.networks(), (out, f"{stem}.discriminator.keras"), strict=False):
        save_keras(network, path)
        print(path)
