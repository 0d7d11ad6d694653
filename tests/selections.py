"""What each method trains of the tiny networks of test_matrix.py: written down, not computed.

Patterns are regular expressions for whole paths; what is meant is every trainable weight whose path
one of them fits. A method that is not listed is tested by what holds for all of them; a line here
says more.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

Patterns = tuple[str, ...]

_EVERYTHING: Mapping[str, Patterns] = {"*": ("generator/.*", "discriminator/.*")}
# Scale and shift after every hidden layer of the generator but the last.
_SCALE_SHIFT: Mapping[str, Patterns] = {
    "dcgan": ("generator/layer1/scale_shift/(gamma|beta)",),
    "sngan": (
        "generator/l1/scale_shift/(gamma|beta)",
        "generator/block[23]/b[12]_scale_shift/(gamma|beta)",
    ),
    "progan": (
        "generator/4x4/(Dense|Conv)_ScaleShift/(gamma|beta)",
        "generator/8x8/(Conv0_up|Conv1)_ScaleShift/(gamma|beta)",
        "generator/16x16/Conv0_up_ScaleShift/(gamma|beta)",
    ),
    "stylegan": (
        "generator/(4x4|8x8)/Epilogue[01]/ScaleShift/(gamma|beta)",
        "generator/16x16/Epilogue0/ScaleShift/(gamma|beta)",
    ),
    "stylegan2": (
        "generator/4x4/Conv/ScaleShift/(gamma|beta)",
        "generator/8x8/(Conv0_up|Conv1)/ScaleShift/(gamma|beta)",
        "generator/16x16/Conv0_up/ScaleShift/(gamma|beta)",
    ),
    "stylegan3": ("generator/L[01]/ScaleShift/(gamma|beta)",),
    "biggan": (
        "generator/scale_shift/(gamma|beta)",
        "generator/GBlock_[01]/scale_shift[01]/(gamma|beta)",
    ),
    "biggan_deep": (
        "generator/scale_shift/(gamma|beta)",
        "generator/GBlock_[0123]/scale_shift[0123]/(gamma|beta)",
    ),
}
_OF_DISCRIMINATOR: Mapping[str, Patterns] = {
    "dcgan": ("discriminator/layer[12]/scale_shift/(gamma|beta)",),
    "sngan": ("discriminator/block[123]/c[12]_scale_shift/(gamma|beta)",),
    "progan": ("discriminator/(16x16|8x8|4x4)/ScaleShift[01]/(gamma|beta)",),
    "stylegan": ("discriminator/(16x16|8x8|4x4)/ScaleShift[01]/(gamma|beta)",),
    "stylegan2": (
        "discriminator/(16x16|8x8)/(Conv0|Conv1_down)_ScaleShift/(gamma|beta)",
        "discriminator/4x4/(Conv|Dense0)_ScaleShift/(gamma|beta)",
    ),
    "stylegan3": (
        "discriminator/(16x16|8x8)/(Conv0|Conv1_down)_ScaleShift/(gamma|beta)",
        "discriminator/4x4/(Conv|Dense0)_ScaleShift/(gamma|beta)",
    ),
}

TRAINED: Mapping[str, Mapping[str, Patterns]] = {
    "scratch": _EVERYTHING,
    "transfergan": _EVERYTHING,
    "ewc": _EVERYTHING,
    "cdc": _EVERYTHING,
    "minegan": _EVERYTHING,
    "nst": {"*": ()},
    # Of a StyleGAN all but the constant that it begins with, which is neither kernel nor bias.
    "adam": {"*": ("generator/(?!4x4/const).*", "discriminator/.*")},
    "freezed": {
        "dcgan": ("generator/.*", "discriminator/layer3/.*"),
        "sngan": ("generator/.*", "discriminator/(block3|l4)/.*"),
        "progan": ("generator/.*", "discriminator/(8x8|4x4)/.*"),
        "stylegan": ("generator/.*", "discriminator/(8x8|4x4)/.*"),
        "stylegan2": ("generator/.*", "discriminator/(8x8|4x4)/.*"),
        "stylegan3": ("generator/.*", "discriminator/(8x8|4x4)/.*"),
    },
    "transfergan_scale_shift": {
        name: (*_SCALE_SHIFT[name], *patterns) for name, patterns in _OF_DISCRIMINATOR.items()
    },
    "bsa": _SCALE_SHIFT,
    "encoder_generator": _SCALE_SHIFT,
    "bsa_biggan": {
        "dcgan": ("generator/layer1/.*", "generator/layer2/norm/(gamma|beta)"),
        "sngan": ("generator/l1/.*", "generator/block[23]/b[12]/(gamma|beta)"),
        "stylegan": (
            "generator/4x4/(?!Epilogue1/ScaleShift).*",
            "generator/(8x8|16x16)/Epilogue[01]/AdaIN/StyleMod/(weight|bias)",
        ),
        "stylegan2": (
            "generator/4x4/.*",
            "generator/(8x8|16x16)/(Conv0_up|Conv1)/Modulation/(weight|bias)",
        ),
        "stylegan3": ("generator/Input/.*", "generator/L[012]/Modulation/(weight|bias)"),
        "biggan": (
            "generator/(class_vector|(G_linear|scale_shift)/.*)",
            "generator/GBlock_[01]/norm[01]/(gamma|beta)/kernel",
        ),
        "biggan_deep": (
            "generator/(class_vector|(G_linear|scale_shift)/.*)",
            "generator/GBlock_[0123]/norm[0123]/(gamma|beta)/kernel",
        ),
    },
    "update_first": {
        "dcgan": ("generator/layer1/.*",),
        "sngan": ("generator/l1/.*",),
        "progan": ("generator/4x4/.*",),
        "stylegan": ("generator/4x4/.*",),
        "stylegan2": ("generator/4x4/.*",),
        "stylegan3": ("generator/Input/.*",),
        "biggan": ("generator/(class_vector|G_linear/.*)",),
        "biggan_deep": ("generator/(class_vector|G_linear/.*)",),
    },
    "update_last": {
        "dcgan": ("generator/layer[23]/.*",),
        "sngan": ("generator/(block3|l4)/.*",),
        "progan": ("generator/(16x16|ToRGB)/.*",),
        "stylegan": ("generator/(16x16|ToRGB_16x16)/.*",),
        "stylegan2": ("generator/(16x16|ToRGB)/.*",),
        "stylegan3": ("generator/(L2|ToRGB)/.*",),
        "biggan": ("generator/(GBlock_1|norm|to_rgb)/.*",),
        "biggan_deep": ("generator/(GBlock_3|norm|to_rgb)/.*",),
    },
    # Fitted latents do not pass through the mapping networks.
    "update_all": {
        "stylegan": ("generator/(?!mapping/).*",),
        "stylegan2": ("generator/(?!mapping/).*",),
        "stylegan3": ("generator/(?!mapping/).*",),
        "*": ("generator/.*",),
    },
}

# Which of these are moved by modulations rather than as they are.
MODULATED: Mapping[str, Mapping[str, Patterns]] = {
    "adam": {
        "dcgan": ("generator/.*/kernel", "discriminator/layer[12]/.*kernel"),
        "sngan": ("generator/.*/kernel", "discriminator/block[123]/.*kernel"),
        "progan": ("generator/.*/weight", "discriminator/(?!4x4).*/weight"),
        "stylegan": ("generator/(?!.*Noise).*/weight", "discriminator/(?!4x4).*/weight"),
        "stylegan2": ("generator/.*/weight", "discriminator/(?!4x4).*/weight"),
        "stylegan3": ("generator/.*/weight", "discriminator/(?!4x4).*/weight"),
    },
}

# How many weights scale and shift are: two for each hidden layer but the generator's last.
SCALES_AND_SHIFTS = {
    "bsa": {"dcgan": 2, "sngan": 10, "stylegan": 10, "stylegan2": 8, "biggan": 10}
    | {"biggan_deep": 34, "stylegan3": 4, "progan": 10},
    "transfergan_scale_shift": {"dcgan": 6, "sngan": 22, "stylegan": 22, "stylegan2": 20}
    | {"stylegan3": 16, "progan": 22},
}
SCALES_AND_SHIFTS["encoder_generator"] = SCALES_AND_SHIFTS["bsa"]


def matching(
    table: Mapping[str, Mapping[str, Patterns]],
    method: str,
    architecture: str,
    paths: Iterable[str],
) -> set[str] | None:
    """Returns the paths that a table says of a method; None if it says nothing."""
    if method not in table:
        return None
    patterns = table[method].get(architecture, table[method].get("*"))
    if patterns is None:
        return None
    return {path for path in paths if any(re.fullmatch(p, path) for p in patterns)}
