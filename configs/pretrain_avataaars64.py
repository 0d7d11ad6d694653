"""The bundled source avataaars64: a 64-pixel StyleGAN of 50,000 DiceBear avataaars.

    tf-fewshot draw_avatars --style=avataaars --first=0 --count=50000 --out=avataaars.zip
    tf-fewshot draw_avatars --style=avataaars --first=1000000 --count=2000 --out=avataaars-eval.zip
    tf-fewshot pretrain --config=pretrain_avataaars64 --data=avataaars.zip \\
        --reference=avataaars-eval.zip --workdir=runs/avataaars64

The bundled weights found this recipe on the way; from the first image on it has not been run.
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
                (64, 1_000_000, 16_000, 2.0, 0.6),
            ],
            "d_learning_rate": 0.003,
            "clip_images": True,  # flat white is otherwise hard to hit
            "feature_weight": 2.0,  # of a second discriminator, on a frozen AlexNet
            "feature_learning_rate": 0.001,
        }
    )
