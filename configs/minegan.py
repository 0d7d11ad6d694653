"""A miner of the latents first, then miner and generator (MineGAN).

tf-fewshot adapt --config=minegan --data=my_pictures --workdir=runs/mine

Measured on avataaars64 with ten pictures (benchmarks/ten-pictures: seed 0, 1,000 steps,
learning_rate=0.004, feature_weight=2, feature_learning_rate=0.001; 1,000 samples against 2,000
unseen pictures, EfficientNet-Lite0; intra-LPIPS with AlexNet): adventurer FID 159.4 and intra-LPIPS
0.063, fun-emoji 252.4 and 0.076, toon-head 120.6 and 0.068. Fine-tuning without a miner: 117.3 and
0.181, 202.9 and 0.283, 110.9 and 0.146.
"""

from ml_collections import ConfigDict

from tf_fewshot.configs.shared import adversarial


def get_config() -> ConfigDict:
    return ConfigDict(
        {
            "method": "minegan",
            **adversarial(),
            "miner_steps": 200,  # before the generator moves, too
            "miner_width": 512,
        }
    )
