"""Reconstruction that trains the generator's first layer and a latent a picture.

tf-fewshot adapt --config=update_first --data=my_pictures --workdir=runs/mine

Measured on avataaars64 (25 pictures, seeds 0 to 2, 1,000 steps; 1,000 samples against 2,000 unseen
pictures, EfficientNet-Lite0; intra-LPIPS with AlexNet; benchmarks/twenty-five-pictures):

    adventurer  FID 137 ± 7   KMMD 0.246 ± 0.010  intra-LPIPS 0.212 ± 0.042
    fun-emoji   FID 239 ± 7   KMMD 0.282 ± 0.006  intra-LPIPS 0.261 ± 0.024
    toon-head   FID 93 ± 2    KMMD 0.150 ± 0.007  intra-LPIPS 0.148 ± 0.014

BSA's FIDs are 116, 203, 101.
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
