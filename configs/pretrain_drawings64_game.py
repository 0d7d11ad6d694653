"""The discriminator of drawings64, and the generator against it.

Begins with a generator that has learned by regression (``configs/pretrain_drawings64.py``), which
``--start`` gives a new discriminator:

    tf-fewshot pretrain --config=pretrain_drawings64_game --data=drawings.npz \\
        --start=runs/drawings64/source.npz --workdir=runs/drawings64-game
"""

from ml_collections import ConfigDict

# By its full name, as recipes are run as files; the checker of types does not know where it lies.
from tf_fewshot.configs import pretrain_drawings64  # pyright: ignore[reportMissingImports]


def get_config() -> ConfigDict:
    model = pretrain_drawings64.get_config().model.to_dict()
    model |= {
        "discriminator_widths": [16, 48, 96, 160, 256],
        "discriminator_spectral_norm": False,
        "minibatch_group": 4,
    }
    return ConfigDict(
        {
            "method": "known_latents_game",
            "architecture": "biggan",
            "model": model,
            # resolution, images, of which fading in, R1's gamma, fraction at the full rate
            "growths": [(64, 500_000, 0, 0.1, 1.0)],
            "batch_size": 32,
            "class_group": 4,
            "learning_rate": 0.0003,
            "likeness_weight": 5.0,
            "feature_weight": 1.0,
            "feature_learning_rate": 0.003,
            "ema_images": 10_000,
            "snapshot_images": 25_600,
        }
    )
