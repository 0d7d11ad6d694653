"""NVIDIA's StyleGAN3, and which of our weights each of its tensors is.

Source: the public repository NVlabs/stylegan3 (``training/networks_stylegan3.py``; its
discriminator is the one of StyleGAN2-ADA). The networks are NCHW, ours NHWC.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ...backbones.stylegan3.gan import StyleGAN3
from ...errors import UserError
from ...unpickling.values import in_file
from ..licences import STYLEGAN3_FILE
from ..porting.stylegan2_shapes import discriminator_config
from ..porting.stylegan2_variables import discriminator_names
from ..porting.variables import Names, Variables, accept, filled, same
from .persistence import Module
from .stylegan2_ada_names import AdaVariables, check_activations, discriminator_settings
from .stylegan3_layers import Layer, check_layers, layers_of

_FILTERS = r"synthesis\.L\w+\.(up|down)_filter"
_LARGEST = 2048


def is_stylegan3(generator: Module) -> bool:
    """Returns whether a generator begins with Fourier features."""
    return any(name.startswith("synthesis.input.") for name in generator.tensors)


def stylegan3_of(path: Path, generator: Module, discriminator: Module | None) -> StyleGAN3:
    """The GAN of these networks, which were read from ``path``.

    Returns:
        The GAN, with "name", "sha256" and "licence" in its ``source_metadata``.

    Raises:
        UserError: if their tensors are not exactly those of a StyleGAN3, its layers or filters
            are others than the architecture's, or it has settings that are not read here.
    """
    g, d = Variables(generator.tensors, _FILTERS), None
    try:
        check_activations(generator, "generator")
        layers = layers_of(generator)
        config = _config(g, generator, layers)
        if discriminator is not None:
            d = AdaVariables(discriminator.tensors)
            judged = {**config, "conditioning": "embed"}
            config |= discriminator_config(d, judged)
            config |= discriminator_settings(discriminator, clamp=256.0)
        gan = StyleGAN3(discriminator=discriminator is not None, **config)
        check_layers(generator, layers, gan.configuration)
    except UserError as error:
        raise in_file(path, error) from error
    variables = gan.variables_by_path()
    faults = filled(g, _names(gan, layers), variables)
    if d is not None:
        faults += filled(d, discriminator_names(gan), variables)
    accept(gan, path, faults, STYLEGAN3_FILE)
    return gan


def _config(g: Variables, generator: Module, layers: list[Layer]) -> dict[str, Any]:
    """The settings, from shapes, attributes, and the arguments that the network was made with."""
    resolution, last = layers[-1].size, layers[-1].tensor("weight")
    if resolution > _LARGEST:
        raise UserError(f"its pictures would be {resolution} pixels wide: at most {_LARGEST}")
    count = g.count("mapping.fc{}.weight")
    w_dim = g.shape(layers[0].tensor("affine.weight"), None, None)[1]
    first = g.shape("mapping.fc0.weight", None, None)[1]
    labels: dict[str, Any] = {}
    if "mapping.embed.weight" in g:
        dim, classes = g.shape("mapping.embed.weight", None, None)
        labels = {"num_classes": classes, "label_dim": dim}
    if first <= labels.get("label_dim", 0):
        raise UserError("the sizes of its mapping network do not fit together")
    kernel = g.shape(layers[0].tensor("weight"), None, None, None, None)[2]
    radial = generator.tensors.get(layers[0].tensor("down_filter"))
    return {
        "resolution": resolution,
        "latent_dim": first - labels.get("label_dim", 0),
        "w_dim": w_dim,
        "mapping_layers": count,
        "mapping_width": g.shape("mapping.fc0.weight", None, None)[0] if count > 1 else None,
        "mapping_lrmul": _number(generator, "mapping.fc0.bias_gain", "", 0.01),
        **labels,
        "channels": [layer.channels for layer in layers[:-1]],
        "image_channels": g.shape(last, None, layers[-2].channels, 1, 1)[0],
        "synthesis_layers": len(layers) - 1,
        "kernel_size": kernel,
        "radial": radial is not None and radial.ndim == 2,
        "critical_layers": int(_number(generator, "synthesis.num_critical", "num_critical", 2)),
        "margin": int(_number(generator, "synthesis.margin_size", "margin_size", 10)),
        "first_cutoff": _number(generator, "synthesis.input.bandwidth", "first_cutoff", 2.0),
        "first_stopband": _number(generator, "", "first_stopband", 2.0**2.1),
        "last_stopband_rel": _number(generator, "", "last_stopband_rel", 2.0**0.3),
        "output_scale": _number(generator, "synthesis.output_scale", "output_scale", 0.25),
        "filter_size": int(_number(generator, "", "filter_size", 6)),
        "lrelu_upsampling": int(_number(generator, "", "lrelu_upsampling", 2)),
        "g_clamp": generator.fact(layers[0].fact("conv_clamp"), ("conv_clamp",), 256.0),
        "magnitude_beta": _number(
            generator, layers[0].fact("magnitude_ema_beta"), "magnitude_ema_beta", 0.999
        ),
        "w_avg_beta": _number(generator, "mapping.w_avg_beta", "", 0.998),
    }


def _number(generator: Module, attribute: str, argument: str, default: float) -> float:
    value = generator.fact(attribute, (argument,), default)
    if value is None:
        raise UserError(f"its {attribute or argument} is None, which is no number")
    return float(value)


def _names(gan: StyleGAN3, layers: list[Layer]) -> Names:
    """Returns the name of the tensor that each weight of the generator is, and its change."""
    by_name = {f"L{i}": layer.name for i, layer in enumerate(layers[:-1])}
    by_name |= {"ToRGB": layers[-1].name, "Input": "input"}
    names: Names = {}
    for path in (v.path for v in gan.generator.weights):
        scope, _, rest = path.removeprefix("generator/").partition("/")
        parts = rest.split("/")
        if scope == "w_avg":
            names[path] = ("mapping.w_avg", same)
        elif scope == "mapping":
            owner = parts[0].replace("LabelEmbed", "embed").replace("Dense", "fc")
            names[path] = (f"mapping.{owner}.{parts[1]}", _turned)
        else:
            theirs = rest.replace("Modulation/", "affine.").replace("Affine/", "affine.")
            change = _less_one if rest == "Modulation/bias" else _turned
            names[path] = (f"synthesis.{by_name[scope]}.{theirs}", _CHANGES.get(rest, change))
    return names


def _turned(value: np.ndarray) -> np.ndarray:
    """Kernels with outputs first, as ours have them last."""
    if value.ndim == 4:
        return value.transpose(2, 3, 1, 0)
    return value.T if value.ndim == 2 else value


def _less_one(value: np.ndarray) -> np.ndarray:
    return value - 1.0


def _affine(value: np.ndarray) -> np.ndarray:
    """The inverse transform of the picture, without the last row of homogeneous coordinates."""
    if value.shape != (3, 3) or not np.array_equal(value[2], [0, 0, 1]):
        raise ValueError
    return value[:2]


_CHANGES = {"freqs": same, "transform": _affine}
