"""A 32-pixel BigGAN with five classes, to try the BSA paper's settings for BigGAN on.

The pictures are those of pretrain_sngan32; the discriminator, which BigGAN has none of here, is
SNGAN's.

    tf-fewshot pretrain --config=pretrain_biggan32 --data=faces --reference=faces-eval \\
        --precision=bfloat16 --workdir=runs/biggan32
"""

from ml_collections import ConfigDict


def get_config() -> ConfigDict:
    return ConfigDict(
        {
            "architecture": "biggan",
            "model": {
                "resolution": 32,
                "latent_dim": 80,
                "channels": [128, 96, 64, 32],
                "attention": 16,
                "class_dim": 32,
                "num_classes": 5,
            },
            "fresh_discriminator": True,
            # resolution, images, of which fading in, R1's gamma, fraction at the full rate
            "growths": [(32, 48_000, 0, 0.0, 0.5)],
            "batch_size": 32,
            "learning_rate": 0.0005,
            "d_learning_rate": 0.001,
            "adversarial_loss": "hinge",
            "feature_weight": 1.0,
            "feature_learning_rate": 0.001,
        }
    )
