"""Scale and shift of the generator, behind an encoder of the pictures.

tf-fewshot adapt --config=encoder_generator --data=my_pictures --workdir=runs/mine

Measured on avataaars64 (25 pictures, seeds 0 to 2, 1,000 steps; 1,000 samples against 2,000 unseen
pictures, EfficientNet-Lite0; intra-LPIPS with AlexNet; benchmarks/twenty-five-pictures):

    adventurer  FID 136 ± 15  KMMD 0.244 ± 0.024  intra-LPIPS 0.182 ± 0.008
    fun-emoji   FID 219 ± 8   KMMD 0.227 ± 0.024  intra-LPIPS 0.258 ± 0.027
    toon-head   FID 105 ± 2   KMMD 0.174 ± 0.005  intra-LPIPS 0.161 ± 0.004

BSA's FIDs are 116, 203, 101.
"""

from ml_collections import ConfigDict, config_dict

from tf_fewshot.configs.shared import reconstruction


def get_config() -> ConfigDict:
    return ConfigDict(
        {
            "method": "encoder_generator",
            **reconstruction(),
            "class_start": "mean",  # of a source with classes; or "identity", or a number
            "learning_rate": config_dict.placeholder(float),  # the paper's for the data size
            "rate_factor": 0.2,  # times the paper's rate
            "latent_learning_rate": 0.0005,  # of the encoder
        }
    )
