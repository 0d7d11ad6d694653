"""The bundled source avataaars64: a 64-pixel StyleGAN of 50,000 DiceBear avataaars.

    tf-fewshot draw_avatars --style=avataaars --first=0 --count=50000 --out=avataaars.zip
    tf-fewshot draw_avatars --style=avataaars --first=1000000 --count=2000 --out=avataaars-eval.zip
    tf-fewshot pretrain --config=pretrain_avataaars64 --data=avataaars.zip \\
        --reference=avataaars-eval.zip --workdir=runs/avataaars64

The bundled weights have seen 248,000 images, on two CPU cores in bfloat16, seed 0: 64,000 at 16
px, 64,000 at 32 px, and 120,000 at 64 px from the float16 snapshot of that (--start), of which
the first 40,000 with R1's gamma at 0.5, the rest at 3, and the learning rate falling over the
last 32,000. The growths below are those without that detour, and longer. FID (EfficientNet-Lite0,
224 px) of 2,000 samples against 2,000 unseen pictures: 129.4, KID 0.193.
"""

from ml_collections import ConfigDict


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
                (64, 600_000, 16_000, 2.0, 0.6),
            ],
            "batch_size": 16,
            "learning_rate": 0.004,
            "d_learning_rate": 0.003,
            "ema_images": 5_000,  # half-life of the averaged generator
            "snapshot_images": 16_000,
            "adversarial_loss": "non_saturating",
            "r1_interval": 16,
            "clip_images": True,  # what D sees; flat white is otherwise hard to hit
            "feature_weight": 2.0,  # of a second discriminator, on a frozen AlexNet
            "feature_learning_rate": 0.001,
        }
    )
