"""A miner of the latents first, then miner and generator (MineGAN).

tf-fewshot adapt --config=minegan --data=my_pictures --workdir=runs/mine

Measured on avataaars64 with ten pictures (benchmarks/ten-pictures: seeds 0 to 2, 1,000 steps,
learning_rate=0.004, feature_weight=2, feature_learning_rate=0.001; 1,000 samples against 2,000
unseen pictures, EfficientNet-Lite0; intra-LPIPS with AlexNet): adventurer FID 147 ± 12 and
intra-LPIPS 0.071 ± 0.019, fun-emoji 215 ± 26 and 0.104 ± 0.022, toon-head 117 ± 9 and
0.062 ± 0.003. Fine-tuning without a miner: 113 ± 1 and 0.173 ± 0.015, 217 ± 4 and 0.234 ± 0.019,
97 ± 1 and 0.125 ± 0.007.
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
