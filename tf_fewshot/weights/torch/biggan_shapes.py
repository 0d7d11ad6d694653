"""The configuration of a BigGAN of PyTorch, as the shapes of its variables tell it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...errors import UserError
from .biggan_names import attention_block
from .state import State


def shape(arrays: Mapping[str, np.ndarray], name: str, rank: int) -> tuple[int, ...]:
    """The shape of a variable.

    Raises:
        UserError: if it is missing, empty or of another rank.
    """
    if name not in arrays:
        raise UserError(f"it lacks {name}")
    sizes = arrays[name].shape
    if len(sizes) != rank or 0 in sizes:
        raise UserError(f"its {name} has the shape {sizes}, not {rank} sizes")
    return sizes


def generator_config(g: State) -> tuple[dict[str, Any], int | None]:
    """Returns the settings that the generator's shapes tell, and the block that attends.

    Raises:
        UserError: if they do not make a BigGAN that is read here.
    """
    deep = "blocks.0.0.conv4.weight" in g
    blocks = _blocks(g)
    step = 2 if deep else 1
    if not blocks or blocks % step:
        raise UserError(
            f"it has {blocks} blocks" + (", not two for each size" if deep and blocks else "")
        )
    last = "conv4" if deep else "conv2"
    channels = [shape(g, f"blocks.{i}.0.conv1.weight", 4)[1] for i in range(0, blocks, step)]
    channels.append(shape(g, f"blocks.{blocks - 1}.0.{last}.weight", 4)[0])
    outputs, told = shape(g, "linear.weight", 2)
    if outputs != 16 * channels[0]:
        raise UserError(
            f"its first layer makes {outputs} numbers, not a map of 4 × 4 with {channels[0]} "
            "channels (its bottom_width is another)"
        )
    places = attention_block(g)
    if len(places) > 1:
        raise UserError("more maps than one attend to themselves, and one is read")
    place = places[0] if places else None
    config: dict[str, Any] = {
        "resolution": 4 * 2 ** (len(channels) - 1),
        "channels": channels,
        "attention": 0 if place is None else 4 * 2 ** (place // step + 1),
        "statistics": 1,
        "spectral_norm": "linear.u0" in g,
        **_classes(g, told, len(channels), deep),
    }
    if deep:
        config["to_rgb"] = shape(g, "output_layer.2.weight", 4)[0]
    return config, place


def _classes(g: State, told: int, parts: int, deep: bool) -> dict[str, Any]:
    """What the layers are told of latents and classes.

    Args:
        told: How much the first layer is told.
        parts: Into how many ``z`` is cut where it is.
    """
    rows, columns = shape(g, "blocks.0.0.bn1.gain.weight", 2)
    if "shared.weight" not in g:
        if deep:
            raise UserError("it lacks shared.weight, the vectors of its classes")
        return {
            "num_classes": rows,
            "class_dim": rows,
            "latent_dim": told,
            "hierarchical": False,
            "condition_spectral_norm": False,
        }
    classes, class_dim = shape(g, "shared.weight", 2)
    known = {"num_classes": classes, "class_dim": class_dim}
    if deep:
        if columns != told or told <= class_dim:
            raise UserError("its blocks are not told all of the latent and the class (hier)")
        return {**known, "latent_dim": told - class_dim}
    if columns == class_dim:
        return {**known, "latent_dim": told, "hierarchical": False}
    if columns - class_dim != told:
        raise UserError(
            f"its blocks are told {columns} numbers, its first layer {told}, and its classes have "
            f"{class_dim}: these do not fit together"
        )
    return {**known, "latent_dim": told * parts}


def discriminator_config(d: State, config: Mapping[str, Any]) -> dict[str, Any]:
    """Returns those that the discriminator's tell, beside a generator of this ``config``.

    Raises:
        UserError: if they make no discriminator of it that is read here.
    """
    blocks = _blocks(d)
    firsts = [shape(d, f"blocks.{i}.0.conv1.weight", 4) for i in range(blocks)]
    widths = [shape(d, f"blocks.{i}.0.conv2.weight", 4)[0] for i in range(blocks)]
    if not blocks or "input_conv.weight" in d:
        raise UserError("it is not the discriminator of a BigGAN that is read here")
    wide = all(first[0] == width for first, width in zip(firsts, widths, strict=True))
    # Only blocks that halve the map have a shortcut of their own in all its layouts.
    halvings = sum(f"blocks.{i}.0.conv_sc.weight" in d for i in range(blocks))
    places = attention_block(d)
    if len(places) > 1 or (places and places[0] >= halvings):
        raise UserError("more maps than one attend to themselves, or one that is not halved")
    classes = shape(d, "embed.weight", 2)[0]
    if classes != config["num_classes"]:
        raise UserError(
            f"it judges {classes} classes, and the generator draws {config['num_classes']}"
        )
    return {
        "discriminator_widths": widths,
        "discriminator_wide": wide,
        "discriminator_attention": config["resolution"] // 2 ** (places[0] + 1) if places else 0,
        "halvings": halvings,
    }


def _blocks(arrays: State) -> int:
    count = 0
    while f"blocks.{count}.0.conv1.weight" in arrays:
        count += 1
    return count
