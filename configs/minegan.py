"""A miner of the latents first, then miner and generator (MineGAN).

tf-fewshot adapt --config=minegan --data=my_pictures --workdir=runs/mine

Measured on avataaars64 with ten pictures (benchmarks/ten-pictures: seeds 0 to 2, 1,000 steps,
learning_rate=0.004, feature_weight=2, feature_learning_rate=0.001; 1,000 samples against 2,000
unseen pictures, EfficientNet-Lite0; intra-LPIPS with AlexNet): adventurer FID 150 ± 10 and
intra-LPIPS 0.080 ± 0.016, fun-emoji 223 ± 26 and 0.097 ± 0.018, toon-head 125 ± 5 and
0.066 ± 0.008. Fine-tuning without a miner: 118 ± 2 and 0.186 ± 0.007, 212 ± 15 and 0.254 ± 0.031,
112 ± 1 and 0.141 ± 0.004.

This is of avataaars64 as it was after 773,000 images (FID 58.2).
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
