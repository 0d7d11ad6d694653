"""The source drawings64: a 64-pixel BigGAN of 46 DiceBear styles, one a class.

All pictures for training are of seeds below 1,000,000, 4,000 a style, all for evaluation of seeds
from 1,000,000 on, 500 a style; a sub-folder is a class, in the order of the names:

    names="from tf_fewshot.configs.pretrain_drawings64 import STYLES; print(*STYLES)"
    for style in $(python -c "$names"); do
        tf-fewshot draw_avatars --style=$style --first=0 --count=4000 --out=drawings/$style
        tf-fewshot draw_avatars --style=$style --first=1000000 --count=500 \\
            --out=drawings-eval/$style
    done
    tf-fewshot pretrain --config=pretrain_drawings64 --data=drawings --precision=bfloat16 \\
        --workdir=runs/drawings64
    tf-fewshot pretrain --config=pretrain_drawings64 --data=drawings --precision=bfloat16 \\
        --workdir=runs/drawings64-more --start=runs/drawings64/snapshots/LAST.npz

The same command resumes a run from its last checkpoint, with all that was known. ``--start`` goes
on from a snapshot, or from any such file of both networks: the generator is the averaged one, the
optimizers and the heads on frozen features begin anew.

Left out is *initials*, whose letters need fonts. Never shown to it are the styles that methods are
compared on: adventurer, adventurer-neutral, big-ears, big-ears-neutral, bottts, bottts-neutral,
cutouts, fun-emoji, miniavs, micah, moods, open-peeps, personas, toon-head.

What was measured, and how it was trained so far, is in benchmarks/drawings64/README.md.
"""

from ml_collections import ConfigDict

STYLES = [
    "avataaars",
    "avataaars-neutral",
    "big-smile",
    "blobs",
    "cameo",
    "clay",
    "constellation",
    "critters",
    "croodles",
    "croodles-neutral",
    "disco",
    "dylan",
    "gaze",
    "glass",
    "glyphs",
    "icons",
    "identicon",
    "initial-face",
    "landscape",
    "line-face",
    "loops",
    "lorelei",
    "lorelei-neutral",
    "marbles",
    "notionists",
    "notionists-neutral",
    "patchwork",
    "pixel-art",
    "pixel-art-neutral",
    "pixelbot",
    "planets",
    "rings",
    "shadows",
    "shape-grid",
    "shapes",
    "slice",
    "sprouts",
    "squircles",
    "stack",
    "stripes",
    "thumbs",
    "triangles",
    "voxel-art",
    "voxel-bot",
    "waves",
    "weave",
]


def get_config() -> ConfigDict:
    return ConfigDict(
        {
            "architecture": "biggan",
            "model": {
                "resolution": 64,
                "latent_dim": 320,  # 64 for the first layer and for each block
                "mapping": [],
                "channels": [256, 192, 128, 64, 32],  # at 4, 8, 16, 32, 64 pixels
                "attention": 0,
                "class_dim": 128,
                "num_classes": len(STYLES),
                "discriminator_widths": [16, 48, 96, 160, 256],
                "minibatch_group": 4,
            },
            # resolution, images, of which fading in, R1's gamma, fraction at the full rate
            "growths": [(64, 4_000_000, 0, 0.0, 1.0)],
            "batch_size": 32,
            "class_group": 4,
            "learning_rate": 0.0005,
            "d_learning_rate": 0.002,
            "ema_images": 10_000,
            "snapshot_images": 25_600,
            "adversarial_loss": "hinge",
            "feature_weight": 1.0,
            "feature_learning_rate": 0.002,
        }
    )
