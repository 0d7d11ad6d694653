"""Scale and shift of the generator, behind an encoder of the pictures.

tf-fewshot adapt --config=encoder_generator --data=my_pictures --workdir=runs/mine
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
