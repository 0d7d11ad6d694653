"""Reconstruction that trains the whole generator and a latent a picture.

tf-fewshot adapt --config=update_all --data=my_pictures --workdir=runs/mine

Measured on avataaars64 (25 pictures, seeds 0 to 2, 1,000 steps; 1,000 samples against 2,000 unseen
pictures, EfficientNet-Lite0; intra-LPIPS with AlexNet; benchmarks/twenty-five-pictures):

    adventurer  FID 92 ± 6    KMMD 0.171 ± 0.010  intra-LPIPS 0.137 ± 0.010
    fun-emoji   FID 158 ± 6   KMMD 0.165 ± 0.009  intra-LPIPS 0.198 ± 0.005
    toon-head   FID 70 ± 5    KMMD 0.103 ± 0.005  intra-LPIPS 0.124 ± 0.013

and with ten pictures (benchmarks/ten-pictures):

    adventurer  FID 114 ± 4   intra-LPIPS 0.146 ± 0.010
    fun-emoji   FID 155 ± 4   intra-LPIPS 0.219 ± 0.010
    toon-head   FID 85 ± 3    intra-LPIPS 0.121 ± 0.010

BSA's FIDs are 116, 203 and 101, and with ten 118, 205 and 111. With 25 pictures its faces are the
clearest of the methods there. Its samples are nearer to the training pictures than unseen pictures
are (LPIPS 0.127, 0.177 and 0.113; 0.154, 0.186 and 0.129).
"""

from ml_collections import ConfigDict

from tf_fewshot.configs.shared import latent_table, reconstruction


def get_config() -> ConfigDict:
    return ConfigDict(
        {
            "method": "update_all",
            **reconstruction(),
            **latent_table(),
            "learning_rate": 0.002,
            "rate_factor": 1.0,  # of the paper's rate, if learning_rate is None
            "generator_part": "all",  # or "first" or "last"
        }
    )
