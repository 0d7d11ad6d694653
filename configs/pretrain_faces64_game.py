"""The discriminator of faces64, and the generator against it.

Begins with a generator that has learned by regression (``configs/pretrain_faces64.py``):

    tf-fewshot pretrain --config=pretrain_faces64_game --data=faces.npz \\
        --reference=faces-eval.npz --start=runs/faces64/source.npz --workdir=runs/faces64-game
"""

from ml_collections import ConfigDict

# By its full name, as recipes are run as files; the checker of types does not know where it lies.
from tf_fewshot.configs import pretrain_faces64  # pyright: ignore[reportMissingImports]


def get_config() -> ConfigDict:
    return ConfigDict(
        {
            "method": "known_latents_game",
            "architecture": "sngan",
            "model": pretrain_faces64.get_config().model.to_dict(),
            # resolution, images, of which fading in, R1's gamma, fraction at the full rate
            "growths": [(64, 38_400, 0, 1.0, 0.5)],
            "batch_size": 32,
            "learning_rate": 0.0002,
            "d_learning_rate": 0.001,
            # What it is to be taken on for: judging pictures that have no latents.
            "adversarial_loss": "non_saturating",
            "likeness_weight": 5.0,
            "ema_images": 10_000,
        }
    )
