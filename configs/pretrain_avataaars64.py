"""The bundled source avataaars64: a 64-pixel StyleGAN of 50,000 DiceBear avataaars.

    tf-fewshot draw_avatars --style=avataaars --first=0 --count=50000 --out=avataaars.zip
    tf-fewshot draw_avatars --style=avataaars --first=1000000 --count=2000 --out=avataaars-eval.zip
    tf-fewshot pretrain --config=pretrain_avataaars64 --data=avataaars.zip \\
        --reference=avataaars-eval.zip --workdir=runs/avataaars64
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
                "channels": [96, 96, 80, 48, 24],  # at 4, 8, 16, 32, 64 pixels
                "fused": True,
            },
            # resolution, images, of which fading in, R1's gamma, fraction at the full rate
            "growths": [
                (16, 64_000, 0, 0.05, 1.0),
                (32, 64_000, 12_800, 0.3, 1.0),
                (64, 600_000, 16_000, 0.5, 0.7),
            ],
            "batch_size": 16,
            "learning_rate": 0.002,
            "ema_images": 5_000,  # half-life of the averaged generator
            "snapshot_images": 16_000,
            "adversarial_loss": "non_saturating",
            "r1_interval": 16,
        }
    )
