"""Neural style transfer: what a source's samples are in the colours and strokes of a picture."""

from .latents import Prior
from .method import Method, RunDefaults, register
from .style import Pixels, StyleAndContent

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
