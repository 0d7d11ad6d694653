"""The source faces64: a 64-pixel SNGAN of faces, which learns from samples of dcgan-faces64.

The DCGAN's latents are known, so that the generator learns by regression what each of them looks
like (``known_latents``). Its discriminator comes after it, by ``configs/pretrain_faces64_game.py``.
Seeds of samples for training are below 1,000,000:

    tf-fewshot sample --source=dcgan-faces64 --seed=1 --n=40000 --out=faces.npz
    tf-fewshot sample --source=dcgan-faces64 --seed=1000000 --n=2000 --out=faces-eval.npz
    tf-fewshot pretrain --config=pretrain_faces64 --data=faces.npz --reference=faces-eval.npz \\
        --workdir=runs/faces64

What was measured, and what else was tried, is in benchmarks/faces64/README.md.
"""

from ml_collections import ConfigDict


def get_config() -> ConfigDict:
    return ConfigDict(
        {
            "method": "known_latents",
            "architecture": "sngan",
            "model": {
                "resolution": 64,
                "latent_dim": 100,
                "widths": [256, 192, 128, 64, 32],  # at 4, 8, 16, 32, 64 pixels
                # With R1 instead of spectral norms it learns within hundreds of steps.
                "discriminator_spectral_norm": False,
            },
            # resolution, images, of which fading in, R1's gamma, fraction at the full rate
            "growths": [(64, 96_000, 0, 0.0, 0.5)],
            "batch_size": 32,
            "learning_rate": 0.002,
            "perceptual_weight": 1.0,
            "ema_images": 10_000,
            "snapshot_images": 25_600,
        }
    )
