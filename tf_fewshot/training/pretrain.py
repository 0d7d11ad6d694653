"""Training of a source from scratch, growing from small to large pictures.

Source: Karras et al., "Progressive Growing of GANs" (2018): each resolution is
faded in over the images seen, then trained on.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from .. import backbones
from ..backbones import GAN
from ..backbones.continued import BY_LEVEL
from ..backbones.sampling import images_of
from ..data.batches import Batches
from ..data.pictures import Pictures
from ..methods import Method
from ..methods.problem import Problem
from ..weights.native.gan_file import save_gan
from .assemble import Assembly, assemble, trainer
from .devices import ONE, Devices
from .fitting import Fitting
from .growth import Fade, Growth, Snapshot, shrunk
from .loop import Schedule, Trainer
from .pretraining_settings import PretrainingSettings
from .run_folder import RunFolder
from .status import StatusLine

_SHOWN = 64


@dataclasses.dataclass(frozen=True)
class PretrainingPlan:
    """Everything that decides the training of a source.

    Attributes:
        method: An adversarial method that trains everything.
        architecture: Name of the backbone; to grow it must know ``fading``.
        config: Of the backbone at full resolution; ``channels`` are cut to what a
            smaller resolution has.
        growths: From the smallest resolution to the largest.
        pictures: At full resolution.
        seed: Of everything that is drawn.
        dtype: Keras dtype policy of the training.
        snapshot_images: Images between two snapshots.
        ema_images: Half-life of the moving average of the generator, in images.
        checkpoint_every: Steps between checkpoints.
        start: A GAN to go on from instead of new weights.
        class_group: See :class:`~tf_fewshot.data.batches.Batches`.
    """

    method: Method
    architecture: str
    config: dict[str, Any]
    growths: Sequence[Growth]
    pictures: Pictures
    seed: int = 0
    dtype: str = "float32"
    snapshot_images: int = PretrainingSettings.snapshot_images
    ema_images: int = PretrainingSettings.ema_images
    checkpoint_every: int = 500
    start: GAN | None = None
    class_group: int = 1

    @property
    def images_before(self) -> int:
        """Images that ``start`` had seen, as its file says."""
        return self.start.source_metadata.get("images_seen", 0) if self.start else 0

    def identity(self) -> dict[str, Any]:
        """Returns what makes the run this one and no other; its length is no part of it."""
        labels = self.pictures.labels
        classes = {}
        if labels is not None:
            classes["labels_fingerprint"] = hashlib.sha256(labels.tobytes()).hexdigest()
        return {
            "method": self.method.name,
            "architecture": self.architecture,
            "config": {k: v for k, v in self.config.items() if k != "dtype"},
            "start": self.start.fingerprint("generator") if self.start else None,
            **self.pictures.identity(),
            **classes,
            **({"class_group": self.class_group} if self.class_group > 1 else {}),
            "seed": self.seed,
            "ema_images": self.ema_images,
        }

    def run(
        self, folder: RunFolder, memory: str | int | None = None, devices: Devices = ONE
    ) -> list[Path]:
        """Trains; the same call on the same folder goes on from the last checkpoint.

        Args:
            folder: Of the run.
            memory: The most that the process may take, see :meth:`.fitting.Room.here`.
            devices: What computes a step.

        Returns:
            The snapshots, oldest first: files of :func:`tf_fewshot.weights.load`.

        Raises:
            UserError: for anything that the caller can mend.
        """
        gan, seen = self.start, self.images_before
        folder.save_grid("reals", self.pictures.images[:_SHOWN])
        for number, growth in enumerate(self.growths):
            gan = self.grown(gan, growth)
            place = folder.checkpoints / f"{number}-{growth.resolution}px"
            fitting = Fitting(growth.batch_size, memory, folder.log, devices)
            assembly, batches = self.assembled(gan, growth)
            loop = trainer(assembly, batches, place, fitting=fitting, devices=devices)
            self._train(gan, growth, loop, folder, seen)
            seen += growth.steps * growth.batch_size
        return sorted((folder.path / "snapshots").glob("*.npz"))

    def grown(self, gan: GAN | None, growth: Growth) -> GAN:
        """Returns the GAN of one resolution, with the weights of ``gan``."""
        changes: dict[str, Any] = {"resolution": growth.resolution, "dtype": self.dtype}
        levels = int(np.log2(growth.resolution)) - 1
        for name in BY_LEVEL:
            if self.config.get(name) is not None:
                changes[name] = list(self.config[name])[:levels]
        if growth.fade_images:
            changes["fading"] = True
        elif gan is not None and "fading" in gan.config:
            changes["fading"] = False
        # New layers begin alike whether earlier resolutions were trained just now or not.
        keras.utils.set_random_seed(self.seed + growth.resolution)
        if gan is not None:
            return gan.rebuild(**changes)
        return backbones.build(self.architecture, **{**self.config, **changes})

    def assembled(self, gan: GAN, growth: Growth) -> tuple[Assembly, Batches]:
        """Returns the method made ready for one resolution, and what it learns from."""
        decided = {
            "r1_gamma": growth.r1_gamma,
            "batch_size": growth.batch_size,
            "ema_decay": 0.5 ** (growth.batch_size / self.ema_images),
        }
        # A method whose discriminator is not the GAN's has no R1.
        known = self.method.settings()
        method = self.method.with_settings(**{k: v for k, v in decided.items() if k in known})
        method = method.with_learning_rates(*growth.rates())
        images = shrunk(self.pictures.images, growth.resolution)
        pictures = dataclasses.replace(self.pictures, images=images)
        problem = Problem(
            gan,
            None,
            pictures.images,
            growth.batch_size,
            self.seed,
            steps=growth.steps,
            known_latents=pictures.latents,
        )
        batches = Batches(pictures, growth.batch_size, self.seed, self.class_group)
        return assemble(method, problem), batches

    def _train(
        self, gan: GAN, growth: Growth, loop: Trainer, folder: RunFolder, before: int
    ) -> None:
        def snapshot(step: int) -> None:
            seen = before + step * growth.batch_size
            self._save(loop.sampled(), folder, seen)

        every = max(1, self.snapshot_images // growth.batch_size)
        callbacks: list[keras.callbacks.Callback] = [Snapshot(snapshot, every)]
        if gan.config.get("fading"):
            callbacks.append(Fade(gan, max(1, growth.fade_images // growth.batch_size)))
        loop.add_callbacks(callbacks)
        begun = loop.restore(folder.log)
        folder.log(f"{growth.resolution} px: steps {begun} to {growth.steps}.")
        status = StatusLine(growth.steps, growth.batch_size, start=begun)

        def report(step: int, numbers: dict[str, float]) -> None:
            status.update(step, numbers)
            if step % 100 == 0:
                folder.append_stats((before + step * growth.batch_size) // 100, numbers)

        try:
            step = loop.run(Schedule(growth.steps, self.checkpoint_every, 20), report)
        finally:
            status.close()
        # Where one was due it has been saved, before the last checkpoint was.
        if step % every:
            snapshot(step)

    def _save(self, gan: GAN, folder: RunFolder, seen: int) -> None:
        if "fading" in gan.config and float(getattr(gan.generator, "lod", 0.0)) == 0.0:
            gan = gan.rebuild(fading=False)
        # What training gathered is of the generator that is not averaged.
        gan = gan.with_statistics_of_weights(self.seed)
        name = f"{seen:09d}"
        save_gan(
            gan,
            folder.path / "snapshots" / f"{name}.npz",
            half=True,
            metadata={"images_seen": seen, "seed": self.seed},
        )
        z = gan.sample_latents(_SHOWN, self.seed)
        folder.save_grid(f"snapshot{name}", images_of(gan, z), columns=16)
