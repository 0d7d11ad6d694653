"""The source drawings64: a 64-pixel BigGAN of 40 DiceBear styles, one a class.

DiceBear tells what it drew each picture from, so that the generator learns by regression what
every choice looks like (``known_latents``). Pictures for training are of seeds below 1,000,000,
4,000 a style, those for evaluation of seeds from 1,000,000 on:

    names="from tf_fewshot.configs.pretrain_drawings64 import STYLES; print(*STYLES, sep=',')"
    styles=$(python -c "$names")
    tf-fewshot draw_avatars --style=$styles --count=4000 --latents --out=drawings.npz
    tf-fewshot draw_avatars --style=$styles --first=1000000 --count=500 --out=drawings-eval.npz
    tf-fewshot pretrain --config=pretrain_drawings64 --data=drawings.npz --workdir=runs/drawings64

The same command resumes a run from its last checkpoint, with all that was known. ``--start`` goes
on from a snapshot, or from any such file: the generator is the averaged one, and its optimizer
begins anew. The discriminator comes after it, by ``configs/pretrain_drawings64_game.py``.

Left out are *initials*, whose letters need fonts, and six patterns of many continuous numbers
(blobs, constellation, shapes, stripes, waves, weave), of which regression learned little more than
the mean. Never shown to it are the styles that methods are compared on: adventurer,
adventurer-neutral, big-ears, big-ears-neutral, bottts, bottts-neutral, cutouts, fun-emoji, miniavs,
micah, moods, open-peeps, personas, toon-head.

What was measured, and how it was trained so far, is in benchmarks/drawings64/README.md.
"""

from ml_collections import ConfigDict

# fmt: off
STYLES = [
    "avataaars", "avataaars-neutral", "big-smile", "cameo", "clay",
    "critters", "croodles", "croodles-neutral", "disco", "dylan", "gaze", "glass", "glyphs",
    "icons", "identicon", "initial-face", "landscape", "line-face", "loops", "lorelei",
    "lorelei-neutral", "marbles", "notionists", "notionists-neutral", "patchwork", "pixel-art",
    "pixel-art-neutral", "pixelbot", "planets", "rings", "shadows", "shape-grid",
    "slice", "sprouts", "squircles", "stack", "thumbs", "triangles", "voxel-art",
    "voxel-bot",
]
# fmt: on


def get_config() -> ConfigDict:
    return ConfigDict(
        {
            "method": "known_latents",
            "architecture": "biggan",
            "model": {
                "resolution": 64,
                # What z stands for comes with the pictures, and with it the size of z.
                "mapping": [640],  # 128 for the first layer and for each block
                "spectral_norm": False,
                "channels": [256, 192, 128, 64, 32],  # at 4, 8, 16, 32, 64 pixels
                "attention": 0,
                "class_dim": 128,
                "num_classes": len(STYLES),
            },
            # resolution, images, of which fading in, R1's gamma, fraction at the full rate
            "growths": [(64, 3_000_000, 0, 0.0, 0.5)],
            "batch_size": 32,
            "learning_rate": 0.001,
            "perceptual_weight": 1.0,
            "ema_images": 10_000,
            "snapshot_images": 51_200,
        }
    )
