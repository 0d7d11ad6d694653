"""A 32-pixel SNGAN with five classes, to try the BSA paper's settings for SNGAN on.

    for style in avataaars big-smile micah miniavs open-peeps; do
        tf-fewshot draw_avatars --style=$style --size=32 --first=0 --count=4000 \\
            --out=faces/$style
        tf-fewshot draw_avatars --style=$style --size=32 --first=1000000 --count=400 \\
            --out=faces-eval/$style
    done
    tf-fewshot pretrain --config=pretrain_sngan32 --data=faces --reference=faces-eval \\
        --precision=bfloat16 --workdir=runs/sngan32
"""

from ml_collections import ConfigDict


def get_config() -> ConfigDict:
    return ConfigDict(
        {
            "architecture": "sngan",
            "model": {
                "resolution": 32,
                "latent_dim": 128,
                "widths": [128, 96, 64, 32],
                "num_classes": 5,
            },
            # resolution, images, of which fading in, R1's gamma, fraction at the full rate
            "growths": [(32, 96_000, 0, 0.0, 0.5)],
            "batch_size": 32,
            "learning_rate": 0.0005,
            "d_learning_rate": 0.001,
            "adversarial_loss": "hinge",
            "feature_weight": 1.0,
            "feature_learning_rate": 0.001,
        }
    )
