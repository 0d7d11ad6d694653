"""Experiments of Li et al., "Few-shot Image Generation with Elastic Weight Consolidation"."""

from __future__ import annotations

from .experiment import ADVERSARIAL, Experiment, Part
from .findings import Along, Before, Inside

_TARGETS = ("adventurer", "fun-emoji", "toon-head")
# As methods are compared since before this list was kept: in a folder of that time.
_METHODS = Part(
    "ten-pictures",
    ("transfergan", "ewc", "minegan", "bsa", "update_all", "nst"),
    _TARGETS,
    settings={name: ADVERSARIAL for name in ("transfergan", "ewc", "minegan")},
    seeds=(0, 1, 2),
)
_PAIR = {"ewc": ADVERSARIAL, "transfergan": ADVERSARIAL}

EWC = (
    Experiment(
        name="ewc-methods",
        paper="EWC, Table 1",
        title="Methods, with ten pictures",
        found="EWC's samples are nearer to the target than those of NST, BSA and MineGAN, and more "
        "varied than MineGAN's.",
        axis="method",
        columns="target",
        parts=(_METHODS,),
        findings=(
            Before("fid", "ewc", ("nst", "bsa", "minegan")),
            Before("intra_lpips", "ewc", ("minegan",)),
        ),
    ),
    Experiment(
        name="ewc-pictures",
        paper="EWC, Table 2",
        title="1 to 100 pictures",
        found="The more pictures there are, the nearer the samples are to the target.",
        axis="pictures",
        columns="method",
        parts=(
            Part(
                "papers/ewc-pictures",
                ("transfergan", "ewc"),
                pictures=(1, 5, 10, 25, 100),
                settings=_PAIR,
            ),
        ),
        findings=(Along("fid", rises=False),),
    ),
    Experiment(
        name="ewc-strength",
        paper="EWC, Table 3",
        title="Five weights λ of the penalty",
        found="A small λ learns the pictures by heart, a large one keeps the source's variety, and "
        "the best lies between.",
        axis="part",
        columns="method",
        parts=tuple(
            Part(
                f"papers/ewc-strength-{strength}",
                ("ewc",),
                settings={"ewc": {**ADVERSARIAL, "ewc_strength": float(strength)}},
                label=f"λ = {strength}",
            )
            for strength in (3, 30, 300, 3000, 30000)
        ),
        findings=(Along("intra_lpips", rises=True), Inside("fid")),
    ),
    Experiment(
        name="ewc-distance",
        paper="EWC, Table 4",
        title="Four distances of the target",
        found="The farther a target is from the source, the farther samples stay from it.",
        axis="target",
        columns="method",
        parts=(
            Part(
                "papers/ewc-distance",
                ("transfergan", "ewc"),
                ("avataaars-neutral", "toon-head", "adventurer", "fun-emoji"),
                settings=_PAIR,
            ),
        ),
        findings=(Along("fid", rises=True),),
        note="From the nearest: avatars without hair and clothes, heads of the same kind, heads "
        "drawn by another hand, and faces that fill the picture.",
    ),
)
