"""Neural style transfer: samples of the source in the style of one of the pictures each.

tf-fewshot adapt --config=nst --data=my_pictures --workdir=runs/mine

Nothing is trained; each sample is optimised when it is drawn. On avataaars64 → bottts (25
pictures) hats, shirts and backgrounds take the picture's colours and the faces stay the source's;
style_weight=1e7 turns contours into its strokes, too. A sample of 64 pixels takes 0.7 s on one
core, 1,000 of them 12 minutes. There is no SavedModel of it.

Measured (benchmarks/ten-pictures, as minegan.py, seeds 0 to 2): adventurer FID 209 ± 1 and
intra-LPIPS 0.245 ± 0.015, fun-emoji 264 ± 1 and 0.233 ± 0.003, toon-head 181 ± 2 and
0.254 ± 0.008.
"""

from ml_collections import ConfigDict, config_dict


def get_config() -> ConfigDict:
    return ConfigDict(
        {
            "method": "nst",
            "source": "avataaars64",
            "content_weight": 1.0,  # α
            "style_weight": 1e6,  # β; the paper's α / β is 5e-4 to 5e-3, of large pictures
            "iterations": 30,  # updates of the pixels of a sample
            "pixel_learning_rate": 0.06,
            "steps": 1,  # of training: these three have no effect, there is none
            "batch_size": 8,
            "ema_decay": 0.0,
            "truncation": config_dict.placeholder(float),  # of samples
        }
    )
