"""Batch statistics adaptation from 25 pictures.

tf-fewshot adapt --config=bsa --data=my_pictures --workdir=runs/mine

Measured on avataaars64 (25 pictures, seeds 0 to 2, 1,000 steps; 1,000 samples against 2,000 unseen
pictures, EfficientNet-Lite0; intra-LPIPS with AlexNet; benchmarks/twenty-five-pictures):

    adventurer  FID 124 ± 4   KMMD 0.248 ± 0.011  intra-LPIPS 0.104 ± 0.001
    fun-emoji   FID 195 ± 1   KMMD 0.215 ± 0.002  intra-LPIPS 0.206 ± 0.008
    toon-head   FID 132 ± 4   KMMD 0.263 ± 0.012  intra-LPIPS 0.094 ± 0.009

and with ten pictures (benchmarks/ten-pictures):

    adventurer  FID 128 ± 7    intra-LPIPS 0.139 ± 0.004
    fun-emoji   FID 188 ± 7    intra-LPIPS 0.236 ± 0.002
    toon-head   FID 143 ± 8    intra-LPIPS 0.113 ± 0.011

Reconstructions have their pictures' outline, hair, skin and clothes, faces are blurred. They go on
coming nearer: with rates that fell along a cosine, without the map of all layers and with the
code's noise, on personas L1 was 0.072 after 1,000 steps and 0.055 after 3,000. A tenth of
latent_prior_weight brings them nearer, too (0.070 instead of 0.087 on personas), and samples less
near the domain (FID 91 instead of 84).

This is of avataaars64 as it was after 773,000 images (FID 58.2). From what it is now, toon-head,
2,000 samples: FID 131 ± 16 and intra-LPIPS 0.077 ± 0.011 (before: 132 ± 4 and 0.096 ± 0.012).
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
            "class_start": "mean",  # of a source with classes; or "identity", or a number
            "learning_rate": config_dict.placeholder(float),  # the paper's for the data size
            "rate_factor": 0.3,  # times the paper's rate
            "scale_shift_weight": 0.02,  # of (γ - 1)² + β²
        }
    )
