"""A 32-pixel BigGAN with five classes, to try the BSA paper's settings for BigGAN on.

The pictures are those of pretrain_sngan32; the discriminator, which BigGAN has none of here, is
SNGAN's.

    tf-fewshot pretrain --config=pretrain_biggan32 --data=faces --reference=faces-eval \\
        --precision=bfloat16 --workdir=runs/biggan32

Measured as there: FID 145.8 after 16,000 images, 158.5 after 32,000, 128.0 after 48,000, at 22
images a second on one CPU core. Heads and hair can be told apart, faces are rough.
"""

from ml_collections import ConfigDict

from tf_fewshot.configs.shared import new_source


def get_config() -> ConfigDict:
    return ConfigDict(
        {
            **new_source(),
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
            "clip_images": False,  # tanh
            "feature_weight": 1.0,
        }
    )
