"""The source faces64: a 64-pixel StyleGAN of faces, which learns from samples of dcgan-faces64.

The DCGAN's latents are known, so that the generator learns by regression what each of them looks
like (``known_latents``). Its discriminator comes after it, by ``configs/pretrain_faces64_game.py``.
Seeds of samples for training are below 1,000,000:

    tf-fewshot sample --source=dcgan-faces64 --seed=1 --n=40000 --out=faces.npz
    tf-fewshot sample --source=dcgan-faces64 --seed=1000000 --n=2000 --out=faces-eval.npz
    tf-fewshot pretrain --config=pretrain_faces64 --data=faces.npz --reference=faces-eval.npz \\
        --workdir=runs/faces64

It has not been run to its end: benchmarks/faces64/README.md says what was tried.
"""

from ml_collections import ConfigDict


def get_config() -> ConfigDict:
    return ConfigDict(
        {
            "method": "known_latents",
            "architecture": "stylegan",
            "model": {
                "resolution": 64,
                "latent_dim": 100,
                "w_dim": 256,
                "mapping_layers": 1,  # the DCGAN's first layer is linear, too
                "mapping_lrmul": 1.0,
                "channels": [192, 160, 128, 64, 32],  # at 4, 8, 16, 32, 64 pixels
                "discriminator_channels": [128, 128, 128, 64, 32],
                "fused": True,
                "use_noise": False,  # what is random cannot be learned by regression,
                "mixing": 0.0,  # nor what two latents draw together
            },
            # resolution, images, of which fading in, R1's gamma, fraction at the full rate
            "growths": [(64, 96_000, 0, 0.0, 0.5)],
            "batch_size": 32,
            "learning_rate": 0.02,
            "perceptual_weight": 1.0,
            "snapshot_images": 25_600,
        }
    )
