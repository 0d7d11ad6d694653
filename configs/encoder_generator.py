"""Scale and shift of the generator, behind an encoder of the pictures.

tf-fewshot adapt --config=encoder_generator --data=my_pictures --workdir=runs/mine

Measured on avataaars64 (25 pictures, seeds 0 to 2, 1,000 steps; 1,000 samples against 2,000 unseen
pictures, EfficientNet-Lite0; intra-LPIPS with AlexNet; benchmarks/twenty-five-pictures):

    adventurer  FID 132 ± 17  KMMD 0.249 ± 0.035  intra-LPIPS 0.154 ± 0.021
    fun-emoji   FID 193 ± 7   KMMD 0.179 ± 0.008  intra-LPIPS 0.252 ± 0.009
    toon-head   FID 120 ± 25  KMMD 0.229 ± 0.062  intra-LPIPS 0.112 ± 0.004

BSA's FIDs were 124, 195, 132. Seeds differ much.

This is of avataaars64 as it was after 773,000 images (FID 58.2), with clip_images=False, and BSA's
of then.
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
