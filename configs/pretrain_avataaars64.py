"""The bundled source avataaars64: a 64-pixel StyleGAN of 50,000 DiceBear avataaars.

    tf-fewshot draw_avatars --style=avataaars --first=0 --count=50000 --out=avataaars.zip
    tf-fewshot draw_avatars --style=avataaars --first=1000000 --count=2000 --out=avataaars-eval.zip
    tf-fewshot pretrain --config=pretrain_avataaars64 --data=avataaars.zip \\
        --reference=avataaars-eval.zip --workdir=runs/avataaars64

The bundled weights have seen 1,156,992 images, on two CPU cores in bfloat16, batch 16, seed 0 (the
last part seed 1). FID (EfficientNet-Lite0, 224 px) of 2,000 samples against 2,000 unseen pictures:
45.2, KID 0.042. They found this recipe on the way, each part from a snapshot (--start) or
checkpoint of the one before:

    images     px  R1   rates D/G    what was new                                       FID
    64,000     16  0.05 0.002/0.002  channels [96, 96, 80, 48, 24], noise inputs
    128,000    32  0.3
    168,000    64  0.5
    276,992    64  3                 the rate falling over the last 13,000              134.9
    308,992    64  3                 clip_images                                        (122.8)
    340,992    64  3                 use_noise=False: 103.3 at once                     101.9
    348,992    64  3    0.002/0.003  these channels, by widening
    356,992    64  0.8                                                                  106.9
    372,992    64  2                 feature_weight=1, feature_learning_rate=0.0005     101.8
    524,992    64  2    0.003/0.004  as below, the rates falling over the last 64,000    72.6
    692,992    64  2    0.003/0.004  the rates set back, falling over the last 96,000    61.3
    772,992    64  2    0.003/0.004  set back again, falling over the last 60,000        58.2
    1,156,992  64  2    0.003/0.004  set back again, falling from 1,001,792 on           45.2

(122.8 is of 292,992 images, before the noise inputs were left out.) The same recipe from the first
image on, as below, has not been run. In the part that ends at 524,992 the rates had begun to fall
from 427,712 images on, and were set back at 444,992. The last part was planned to 1,188,992 images
(growths=[(64, 416_000, 0, 2.0, 0.55)], --start, --seed=1; 86 minutes); of its last three snapshots
this had the lowest FID.
"""

from ml_collections import ConfigDict

from tf_fewshot.configs.shared import new_source


def get_config() -> ConfigDict:
    return ConfigDict(
        {
            "architecture": "stylegan",
            "model": {
                "resolution": 64,
                "latent_dim": 128,
                "w_dim": 128,
                "mapping_layers": 4,
                "channels": [96, 96, 96, 64, 32],  # at 4, 8, 16, 32, 64 pixels
                "fused": True,
                "use_noise": False,  # drawings have no grain
            },
            # resolution, images, of which fading in, R1's gamma, fraction at the full rate
            "growths": [
                (16, 64_000, 0, 0.05, 1.0),
                (32, 64_000, 12_800, 0.3, 1.0),
                (64, 1_000_000, 16_000, 2.0, 0.6),
            ],
            **new_source(),
        }
    )
