"""Scale and shift of the generator, behind an encoder of the pictures.

tf-fewshot adapt --config=encoder_generator --data=my_pictures --workdir=runs/mine

Measured by earlier code, of one style for all layers of a picture, on avataaars64 → adventurer (25
pictures, seeds 0 and 1, 1,000 steps; 1,000 samples of the prior at truncation 0.4 against 2,000
unseen pictures, EfficientNet-Lite0; intra-LPIPS with AlexNet; benchmarks/twenty-five-pictures): FID
171 ± 14, KMMD 0.371, intra-LPIPS 0.120; BSA's 164 ± 4, 0.324 and 0.171.
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
