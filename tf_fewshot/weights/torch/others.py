"""Files of PyTorch that are none of the networks here: what they are, and what helps.

Source: the public repositories that are named in the messages (names of their tensors).
"""

from __future__ import annotations

import dataclasses
import os
import re
from typing import NoReturn

from ...errors import UserError
from .state import names_in

_PRETRAIN = "tf-fewshot pretrain --data=FOLDER --workdir=runs/source"
_LEARN = f"Pictures that it draws teach a source here: {{}}, then {_PRETRAIN}"
_NAME = re.compile(rb"[A-Za-z_]\w*(?:\.\w+)+\.(?:weight_orig|weight|bias|gamma|beta)")


@dataclasses.dataclass(frozen=True)
class _Known:
    """A kind of file: what tells it, what it is, why it is not read, and what helps."""

    signs: tuple[bytes, ...]
    what: str
    why: str
    helps: str


_KNOWN = (
    _Known(
        (b"S.net.0.weight", b".to_style1.weight"),
        "a checkpoint of lucidrains' stylegan2-pytorch",
        "its layers are others than those of NVIDIA's StyleGAN2 (it doubles maps bilinearly, and "
        "adds one map of noise that every layer crops)",
        _LEARN.format("stylegan2_pytorch --generate"),
    ),
    _Known(
        (b"D.residual_layers.",),
        "a checkpoint of lucidrains' lightweight-gan",
        "that architecture (FastGAN) is none of those here",
        _LEARN.format("lightweight_gan --generate"),
    ),
    _Known(
        (b"bn1.gain.weight_orig",),
        "a BigGAN of StudioGAN",
        "its layers have other names and other conditions than BigGAN-PyTorch's",
        "BigGAN-PyTorch's G_ema.pth, pytorch-pretrained-biggan's pytorch_model.bin and "
        "--source=biggan-256 are read",
    ),
    _Known(
        (b"GBlock.0.conv0.module.weight_bar",),
        "an early copy of DeepMind's BigGAN for PyTorch (biggan_v1)",
        "it is not complete without its code",
        "DeepMind's own is read: --source=biggan-128, biggan-256 or biggan-512",
    ),
    _Known(
        (b"progression.0.", b"to_rgb."),
        "a checkpoint of rosinality's style-based-gan-pytorch (StyleGAN, version 1)",
        "that is not read",
        "NVIDIA's pickles of StyleGAN are read, and have their discriminator: "
        "--source=stylegan-ffhq-1024",
    ),
    _Known(
        (b"encoder.input_layer.",),
        "an encoder (pSp, e4e) without the decoder that draws",
        "pictures are drawn by the decoder",
        "give the StyleGAN2 that it was trained for, such as stylegan2-ffhq-config-f.pt, or a "
        "checkpoint that has both",
    ),
    _Known(
        (b"torch.nn.modules",),
        "a whole module, saved with its class",
        "to read it its code would have to be run",
        "save its weights alone, where its code is: torch.save({'g_ema': generator.state_dict()}, "
        "'generator.pt')",
    ),
)


def is_other_torch(path: str | os.PathLike) -> bool:
    """Returns whether a file is one of PyTorch's, of whatever network."""
    return bool(names_in(path))


def refuse_other_torch(path: str | os.PathLike) -> NoReturn:
    """Says what the file is, why it is not read, and what is read instead.

    Raises:
        UserError: always.
    """
    names = names_in(path)
    for known in _KNOWN:
        if all(sign in names for sign in known.signs):
            raise UserError(f"{path} is {known.what}: {known.why}. {known.helps}.")
    found = list(dict.fromkeys(name.decode("ascii") for name in _NAME.findall(names)))
    seen = "without a state dict of a generator"
    if found:
        seen = f"with tensors such as {', '.join(found[:3])}, of no network that is read here"
    raise UserError(
        f"{path} is a file of PyTorch {seen}. Of PyTorch's files these are read: StyleGAN2-ADA's "
        "and PTI's, rosinality's StyleGAN2 (also inside of pSp's and e4e's), BigGAN-PyTorch's and "
        "pytorch-pretrained-biggan's. State dicts are read best as their own training saved them."
    )
