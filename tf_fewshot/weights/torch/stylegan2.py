"""Checkpoints of the public repository rosinality/stylegan2-pytorch, read without torch.

"g_ema" and "d" are state dicts of its generator and discriminator; files that it made of
NVIDIA's also have "latent_avg". Source: its ``model.py`` and ``convert_weight.py``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ...backbones.stylegan2.gan import StyleGAN2
from ...errors import UserError
from ...unpickling.values import in_file
from ..porting.stylegan2_variables import assembled
from ..porting.variables import Variables
from .state import State, beginning_with, names_in, read_saved, state_of, unwrapped

_SIGNS = (b"to_rgb1.conv.modulation.weight", b"conv1.noise.weight")
# What comes before the generator's names, in files that hold other networks, too.
_PREFIXES = ("g_ema.", "decoder.")
# Of 1024 pixels.
_MOST_NOISES = 17
_SETTINGS = {
    "mapping_lrmul": 0.01,
    "mbstd_group": 4,
    "mbstd_features": 1,
    "g_clamp": None,
    "d_clamp": None,
}


def is_stylegan2_torch(path: str | os.PathLike) -> bool:
    """Returns whether a file is one of PyTorch's and names that generator's layers."""
    names = names_in(path)
    return all(sign in names for sign in _SIGNS)


def read_stylegan2_torch(path: str | os.PathLike) -> StyleGAN2:
    """Reads the averaged generator, and the discriminator if the file has one.

    The generator may also be the decoder of an encoder that was trained for it, as pSp, e4e,
    ReStyle and StyleCLIP's mappers save them; the encoder is not read.

    Without "latent_avg" the mean of the styles is that of 10,000 latents of a fixed seed.
    Files from before 2020-01-15, the repository's own FFHQ among them, have strengths of
    the noise and no noise maps, which it drew anew each time: they are of a fixed seed, too.

    Returns:
        The GAN, with "name", "sha256" and "licence" (None: the file says
        nothing of it) in its ``source_metadata``.

    Raises:
        UserError: if the file is damaged or of other networks, or if its variables are
            not exactly those of the architecture.
    """
    path = Path(path)
    saved = read_saved(path)
    try:
        generator, discriminator, mean = _parts(saved)
        taps = _taps(generator, 4.0)
        if discriminator is not None and not _alike(_taps(discriminator, 1.0), taps):
            raise UserError("its networks have two values of their blur kernel")
    except UserError as error:
        raise in_file(path, error) from error
    # So that it is accounted for as any other variable; computed below if it is not there.
    known = mean is not None
    generator["latent_avg"] = (
        mean if mean is not None else np.zeros(generator["style.1.weight"].shape[:1], np.float32)
    )
    if not any(name.startswith("noises.") for name in generator):
        generator |= _drawn_noises(generator)
    gan = assembled(
        path,
        _Rosinality(generator),
        None if discriminator is None else _Rosinality(discriminator),
        {**_SETTINGS, "taps": taps},
        None,
    )
    if not known:
        styles = np.asarray(gan.generator.styles(gan.sample_latents(10_000, seed=0)))
        gan.generator.w_avg.assign(styles.mean(0))
    return gan


def _parts(saved: Any) -> tuple[State, State | None, np.ndarray | None]:
    """The generator, the discriminator and the mean of the styles in what a file holds."""
    if not isinstance(saved, dict):
        raise UserError("it does not hold a dict")
    # Files that are only to be drawn from have the generator alone, or call it "g".
    name = next((key for key in ("g_ema", "g", "state_dict") if key in saved), "")
    whole = saved.get(name, saved)
    mean = saved.get("latent_avg")
    if not isinstance(whole, dict):
        raise UserError(f"its {name} is no state dict of tensors")
    whole = {key: value for key, value in unwrapped(whole).items() if key != "latent_avg"}
    # Of a file that holds other networks, too, only what belongs to these is looked at.
    inner = (beginning_with(whole, prefix) for prefix in _PREFIXES)
    generator = state_of(next((part for part in inner if part), whole), name)
    if "style.1.weight" not in generator:
        raise UserError(f"its {name or 'generator'} lacks style.1.weight")
    d = saved.get("d") or beginning_with(whole, "d.")
    return generator, state_of(d, "d") if d else None, _mean(mean)


def _mean(value: Any) -> np.ndarray | None:
    """The mean of the styles; None if it is not there, or another for each layer."""
    if value is None:
        return None
    if not isinstance(value, np.ndarray) or not value.ndim:
        raise UserError("its latent_avg is no tensor")
    # Encoders repeat it for every layer.
    rows = value.reshape(-1, value.shape[-1])
    return rows[0] if np.array_equal(rows, np.broadcast_to(rows[0], rows.shape)) else None


def _drawn_noises(state: Mapping[str, np.ndarray]) -> State:
    """A map ``[1, 1, r, r]`` for each layer with a strength: one at 4 px, then two a size."""
    count = sum(
        re.fullmatch(r"(conv1|convs\.\d+)\.noise\.weight", name) is not None for name in state
    )
    rng = np.random.default_rng(0)
    sizes = [2 ** ((i + 5) // 2) for i in range(min(count, _MOST_NOISES))]
    return {
        f"noises.noise_{i}": rng.standard_normal((1, 1, r, r), dtype=np.float32)
        for i, r in enumerate(sizes)
    }


def _taps(state: Mapping[str, np.ndarray], gain: float) -> list[float]:
    """The one-dimensional filter of all blurs, which are stored multiplied by ``gain``."""
    taps: list[float] | None = None
    for name, value in state.items():
        if not re.fullmatch(r".*\.kernel", name):
            continue
        if value.ndim != 2 or not 2 <= len(value) <= 16 or not np.isfinite(value).all():
            raise UserError(f"its {name} has the shape {value.shape}")
        row = value.sum(1) / gain
        square = np.outer(row, row) * gain
        if square.shape != value.shape or not np.allclose(square, value, atol=1e-5):
            raise UserError(f"its {name} is no product of a row with itself")
        if taps is not None and not _alike(taps, row):
            raise UserError("it has more than one blur kernel")
        taps = [float(t) for t in row]
    return [1.0, 3.0, 3.0, 1.0] if taps is None else taps


def _alike(a: Any, b: Any) -> bool:
    a, b = (np.asarray(x) / (np.sum(x) or 1) for x in (a, b))
    return a.shape == b.shape and np.allclose(a, b, atol=1e-5)


class _Rosinality(Variables):
    """The variables of the repository's networks, by their names there."""

    def __init__(self, arrays: Mapping[str, np.ndarray]):
        super().__init__(arrays, r".*\.kernel")
        firsts = [n for n in arrays if re.fullmatch(r"convs\.\d+\.conv1\.0\.weight", n)]
        # Of the discriminator; its blocks are numbered from the largest pictures on.
        self._resolution = 4 * 2 ** min(len(firsts), 16)

    def name(self, tf_name: str) -> str:
        if tf_name.startswith(("synthesis/", "mapping/")) or tf_name == "dlatent_avg":
            return _generator_name(tf_name)
        return _discriminator_name(tf_name, self._resolution)

    def layout(self, tf_name: str, value: np.ndarray) -> np.ndarray:
        if tf_name.endswith("/const") or re.fullmatch(r"synthesis/noise\d+", tf_name):
            return value
        if tf_name.endswith("/noise_strength"):
            return value.reshape(())
        if tf_name.endswith("mod_bias"):
            return value - 1
        if value.ndim == 5 and value.shape[0] == 1:
            value = value[0]
        if tf_name.endswith("/ToRGB/bias"):
            return value.reshape(-1)
        if value.ndim == 4:
            value = value.transpose(2, 3, 1, 0)
            return value[::-1, ::-1] if tf_name.endswith("/Conv0_up/weight") else value
        return value.T if value.ndim == 2 else value


def _generator_name(tf_name: str) -> str:
    if tf_name == "dlatent_avg":
        return "latent_avg"
    if tf_name == "synthesis/4x4/Const/const":
        return "input.input"
    dense = re.fullmatch(r"mapping/Dense(\d+)/(\w+)", tf_name)
    if dense:
        # The first of the sequence is the normalisation.
        return f"style.{int(dense[1]) + 1}.{dense[2]}"
    noise = re.fullmatch(r"synthesis/noise(\d+)", tf_name)
    if noise:
        return f"noises.noise_{noise[1]}"
    layer = re.fullmatch(r"synthesis/(\d+)x\1/(Conv|Conv0_up|Conv1|ToRGB)/(\w+)", tf_name)
    if not layer:
        return tf_name
    level = int(layer[1]).bit_length() - 3
    if layer[2] == "ToRGB":
        scope = "to_rgb1" if level == 0 else f"to_rgbs.{level - 1}"
    else:
        # At 4 px there is one layer, then there are two for each size.
        scope = "conv1" if level == 0 else f"convs.{2 * level - 2 + (layer[2] == 'Conv1')}"
    parts = {
        "weight": "conv.weight",
        "mod_weight": "conv.modulation.weight",
        "mod_bias": "conv.modulation.bias",
        "noise_strength": "noise.weight",
        "bias": "bias" if layer[2] == "ToRGB" else "activate.bias",
    }
    return f"{scope}.{parts[layer[3]]}" if layer[3] in parts else tf_name


def _discriminator_name(tf_name: str, resolution: int) -> str:
    bias = tf_name.endswith("/bias")
    for scope, (own, number) in {
        "4x4/Conv": ("final_conv", True),
        "4x4/Dense0": ("final_linear.0", False),
        "Output": ("final_linear.1", False),
        f"{resolution}x{resolution}/FromRGB": ("convs.0", True),
    }.items():
        if tf_name in (f"{scope}/weight", f"{scope}/bias"):
            part = tf_name.rpartition("/")[2]
            return f"{own}.{int(bias)}.{part}" if number else f"{own}.{part}"
    layer = re.fullmatch(r"(\d+)x\1/(Conv0|Conv1_down|Skip)/(weight|bias)", tf_name)
    if not layer:
        return tf_name
    block = resolution.bit_length() - int(layer[1]).bit_length() + 1
    # A blur comes first where the picture is halved.
    own, number = {"Conv0": ("conv1", 0), "Conv1_down": ("conv2", 1), "Skip": ("skip", 1)}[layer[2]]
    return f"convs.{block}.{own}.{number + bias}.{layer[3]}"
