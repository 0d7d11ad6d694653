"""The generator of StyleGAN (version 1): mapping and synthesis.

Source: Karras et al., "A Style-Based Generator Architecture for Generative
Adversarial Networks" (CVPR 2019).
"""

from __future__ import annotations

from collections.abc import Sequence

import keras
import tensorflow as tf

from ...layers import EqualizedConv2D, upscale2d
from ..style_based.generator import StyleBasedGenerator
from .layers import Mapping, SynthesisBlock


@keras.saving.register_keras_serializable("tf_fewshot")
class StyleGANGenerator(StyleBasedGenerator):
    """StyleGAN's mapping and synthesis networks.

    Args:
        resolution: Width and height of the images, a power of two from 8.
        latent_dim, w_dim: Sizes of ``z`` and of the styles.
        mapping_layers: Dense layers of the mapping network.
        channels: Channels at 4, 8, … ``resolution`` pixels.
        fused: Whether resampling and convolution are one; "auto" from 128 px.
        fading: Whether the last resolution is faded in by the weight ``lod``
            (1: only the resolution below is seen, 0: only the last).
        scale_shift: Adds :class:`ScaleShift` to every hidden layer but the last.
        use_noise: Whether every layer has noise inputs. Drawings of flat colour have
            nothing random for them to make, and the grain that they leave shows.
        miner: Widths of the hidden layers of a :class:`Miner` before the mapping network;
            none leaves it out.
        latent_gaussian: Axes of a :class:`LatentGaussian` of the styles of all layers; 0
            leaves it out.
        mixing: Probability of mixing two styles while training.
        w_avg_beta: Decay of the running mean of the styles.
    """

    def __init__(
        self,
        resolution: int,
        latent_dim: int,
        w_dim: int,
        mapping_layers: int,
        channels: Sequence[int],
        fused: bool | str = "auto",
        fading: bool = False,
        scale_shift: bool = False,
        use_noise: bool = True,
        miner: Sequence[int] = (),
        latent_gaussian: int = 0,
        mixing: float = 0.9,
        w_avg_beta: float = 0.995,
        name: str = "generator",
        **kwargs,
    ):
        config = {
            "resolution": resolution,
            "latent_dim": latent_dim,
            "w_dim": w_dim,
            "mapping_layers": mapping_layers,
            "channels": list(channels),
            "fused": fused,
            "fading": fading,
            "scale_shift": scale_shift,
            "use_noise": use_noise,
            "miner": list(miner),
            "latent_gaussian": latent_gaussian,
            "mixing": mixing,
            "w_avg_beta": w_avg_beta,
        }
        super().__init__(config, name, **kwargs)
        self.resolution, self.fading = resolution, fading
        self.resolutions = [4 * 2**i for i in range(len(channels))]
        self.mapping = Mapping(w_dim, mapping_layers, name="mapping", dtype="float32")
        last = resolution
        self.blocks = [
            SynthesisBlock(
                r,
                c,
                w_dim,
                fused,
                (scale_shift, scale_shift and r != last),
                use_noise,
                dtype=self.dtype_policy,
            )
            for r, c in zip(self.resolutions, channels, strict=True)
        ]
        # In float32: rounding here shows as colour fringes.
        shown = self.resolutions[-2:] if fading else self.resolutions[-1:]
        self.to_rgb = {
            str(r): EqualizedConv2D(3, 1, gain=1.0, name=f"ToRGB_{r}x{r}", dtype="float32")
            for r in shown
        }

    def build(self, input_shape=None):
        super().build(input_shape)
        self.noises = [
            self._noise_weight(i, 4 * 2 ** (i // 2))
            for i in range(self.num_layers if self.use_noise else 0)
        ]
        if self.fading:
            self.lod = self.add_weight(
                shape=(), name="lod", initializer="zeros", trainable=False, autocast=False
            )
        shape = (None, 4, 4, None)
        for block in self.blocks:
            block.build(shape)
            shape = (None, block.resolution, block.resolution, block.channels)
            if str(block.resolution) in self.to_rgb:
                self.to_rgb[str(block.resolution)].build(shape)

    def styles(self, z, label=None):
        """Styles ``w`` ``[N, w_dim]`` of latents ``[N, latent_dim]``; labels are ignored."""
        del label
        return self.mapping(z if self.miner is None else self.miner(z))

    def truncate(self, ws, psi, layers: int | None = 8):
        """See :meth:`StyleBasedGenerator.truncate`; the released networks have 8 layers moved."""
        return super().truncate(ws, psi, layers)

    def activations(self, ws, noise: str = "const") -> list:
        """What each layer gives, the last of them the images."""
        found, images = [None], {}
        for i, block in enumerate(self.blocks):
            styles = (ws[:, 2 * i], ws[:, 2 * i + 1])
            r, n = block.resolution, tf.shape(ws)[0]
            maps = tuple(self._noise(2 * i + k, r, n, noise) for k in (0, 1))
            found += block.activations(found[-1], styles, maps)
            to_rgb = self.to_rgb.get(str(block.resolution))
            if to_rgb is not None:
                images[block.resolution] = to_rgb(tf.cast(found[-1], tf.float32))
        image = images[self.resolution]
        if self.fading:
            image += (upscale2d(images[self.resolution // 2]) - image) * self.lod
        return [*found[1:], image]
