"""Reconstruction that trains the generator's first layer and a latent a picture.

tf-fewshot adapt --config=update_first --data=my_pictures --workdir=runs/mine

Measured on avataaars64 (25 pictures, seeds 0 to 2, 1,000 steps; 1,000 samples against 2,000 unseen
pictures, EfficientNet-Lite0; intra-LPIPS with AlexNet; benchmarks/twenty-five-pictures):

    adventurer  FID 135 ± 2   KMMD 0.257 ± 0.003  intra-LPIPS 0.131 ± 0.014
    fun-emoji   FID 237 ± 2   KMMD 0.280 ± 0.005  intra-LPIPS 0.230 ± 0.006
    toon-head   FID 136 ± 14  KMMD 0.257 ± 0.032  intra-LPIPS 0.118 ± 0.003

BSA's FIDs were 124, 195, 132.

This is of avataaars64 as it was after 773,000 images (FID 58.2), with clip_images=False, and BSA's
of then.
"""

from ml_collections import ConfigDict

from tf_fewshot.configs.shared import latent_table, reconstruction


def get_config() -> ConfigDict:
    return ConfigDict(
        {
            "method": "update_first",
            **reconstruction(),
            **latent_table(),
            "learning_rate": 0.01,
            "rate_factor": 1.0,  # of the paper's rate, if learning_rate is None
            "generator_part": "first",  # or "last" or "all"
        }
    )
