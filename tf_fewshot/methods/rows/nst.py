"""Neural style transfer: what a source's samples are in the colours and strokes of a picture."""

from ..cells.latents import Prior
from ..cells.style import Pixels, StyleAndContent
from ..method import Method, RunDefaults, register

NST = register(
    Method(
        name="nst",
        title="Neural style transfer (NST)",
        paper="Gatys et al., Image Style Transfer Using Convolutional Neural Networks (CVPR 2016)",
        objective=StyleAndContent(),
        trainable=Pixels(),
        latents=Prior(),
        run=RunDefaults(steps=1),
    )
)
