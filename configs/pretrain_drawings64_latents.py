"""The generator of drawings64, by regression on what each picture was drawn from.

    names="from tf_fewshot.configs.pretrain_drawings64 import STYLES; print(*STYLES, sep=',')"
    tf-fewshot draw_avatars --style=$(python -c "$names") --first=0 --count=4000 --latents=208 \\
        --out=drawings.npz
    tf-fewshot pretrain --config=pretrain_drawings64_latents --data=drawings.npz \\
        --workdir=runs/drawings64-latents

The discriminator comes after it: ``pretrain_drawings64`` goes on from its ``source.npz``.
"""

from ml_collections import ConfigDict

from tf_fewshot.configs import pretrain_drawings64


def get_config() -> ConfigDict:
    model = pretrain_drawings64.get_config().model.to_dict()
    del model["discriminator_widths"], model["minibatch_group"]
    return ConfigDict(
        {
            "method": "known_latents",
            "architecture": "biggan",
            "model": model,
            # resolution, images, of which fading in, R1's gamma, fraction at the full rate
            "growths": [(64, 2_000_000, 0, 0.0, 0.5)],
            "batch_size": 64,
            "learning_rate": 0.001,
            "ema_images": 10_000,
            "snapshot_images": 25_600,
        }
    )
