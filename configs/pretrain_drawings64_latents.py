"""The generator of drawings64, by regression on what each picture was drawn from.

    names="from tf_fewshot.configs.pretrain_drawings64 import STYLES; print(*STYLES, sep=',')"
    tf-fewshot draw_avatars --style=$(python -c "$names") --first=0 --count=4000 --latents=208 \\
        --out=drawings.npz
    tf-fewshot pretrain --config=pretrain_drawings64_latents --data=drawings.npz \\
        --workdir=runs/drawings64-latents

The discriminator comes after it:

    tf-fewshot pretrain --config=pretrain_drawings64 --model.latent_dim=208 \\
        --model.mapping="[512, 512, 512, 320]" --data=drawings.npz \\
        --start=runs/drawings64-latents/source.npz --workdir=runs/drawings64

It has not been run to its end: in a trial, after 27,200 images, each style is one clear picture,
and latents hardly change it yet.
"""

from ml_collections import ConfigDict

# By its full name, as recipes are run as files; the checker of types does not know where it lies.
from tf_fewshot.configs import pretrain_drawings64  # pyright: ignore[reportMissingImports]


def get_config() -> ConfigDict:
    model = pretrain_drawings64.get_config().model.to_dict()
    del model["discriminator_widths"], model["minibatch_group"]
    model["latent_dim"] = 208  # The choices of the style that has most are 202.
    model["mapping"] = [512, 512, 512, 320]  # 64 for the first layer and for each block
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
