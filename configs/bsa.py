"""Batch statistics adaptation from 25 pictures.

tf-fewshot adapt --config=bsa --data=my_pictures --workdir=runs/mine

Measured on avataaars64 (25 pictures, seeds 0 to 2, 1,000 steps; 1,000 samples against 2,000 unseen
pictures, EfficientNet-Lite0; intra-LPIPS with AlexNet; benchmarks/twenty-five-pictures):

    adventurer  FID 116 ± 5   KMMD 0.219 ± 0.020  intra-LPIPS 0.128 ± 0.006
    fun-emoji   FID 203 ± 11  KMMD 0.224 ± 0.014  intra-LPIPS 0.204 ± 0.009
    toon-head   FID 101 ± 7   KMMD 0.182 ± 0.023  intra-LPIPS 0.131 ± 0.008

and with ten pictures (benchmarks/ten-pictures):

    adventurer  FID 118 ± 10   intra-LPIPS 0.147 ± 0.004
    fun-emoji   FID 205 ± 2    intra-LPIPS 0.244 ± 0.013
    toon-head   FID 111 ± 4    intra-LPIPS 0.151 ± 0.013

Reconstructions can be told apart by hair, skin, clothes and glasses; faces are small and blurred,
or crooked. A tenth of latent_prior_weight brings reconstructions nearer (on personas, with latents
at a rate of 0.1, L1 0.055 instead of 0.059) and makes samples more varied and less near the domain
(FID 79 instead of 73).
"""

from ml_collections import ConfigDict, config_dict

from tf_fewshot.configs.shared import latent_table, reconstruction


def get_config() -> ConfigDict:
    return ConfigDict(
        {
            "method": "bsa",
            **reconstruction(),
            **latent_table(),
            "latent_learning_rate": 0.2,
            "rate_decay": 0.02,  # of the learning rates, over the run
            "rate_decay_steps": config_dict.placeholder(int),  # or every so many steps
            "class_start": "mean",  # of a source with classes; or "identity", or a number
            "learning_rate": config_dict.placeholder(float),  # the paper's for the data size
            "rate_factor": 0.3,  # times the paper's rate
            "scale_shift_weight": 0.02,  # of (γ - 1)² + β²
        }
    )
