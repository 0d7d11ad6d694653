"""What analyses are timed on: a source, what it was adapted to, pictures, runs."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from ..analysis import Subject
from ..backbones import GAN
from ..data import Pictures, save_png
from ..training.drift import STAT
from ..training.run_folder import RunFolder


@dataclasses.dataclass(frozen=True)
class Amounts:
    """How much is looked at; the defaults are those of the commands.

    Attributes:
        rates: Images of activation rates and of the Fisher diagonal.
        ends, frames: Ends of ways, and pictures from one to the next.
        shown: Latents that are shown in all domains, and pictures that are projected.
        steps: Of a projection.
        begun: Samples that it begins from.
        judged: Samples whose precision, recall and neighbours are looked for.
        training, unseen: Real pictures.
        pairs: Of a data set.
        folder: Pictures of a folder that is selected from.
    """

    rates: int = 256
    ends: int = 5
    frames: int = 16
    shown: int = 10
    steps: int = 100
    begun: int = 100
    judged: int = 200
    training: int = 25
    unseen: int = 100
    pairs: int = 100
    folder: int = 200


class Scene:
    """A source, what it was adapted to, and pictures of noise: what they show changes no time.

    Args:
        source: The source.
        amounts: How much is looked at.
        place: A folder for what must lie in files.
    """

    def __init__(self, source: GAN, amounts: Amounts, place: Path):
        self.amounts, self.place = amounts, place
        rng = np.random.default_rng(0)
        self._gan, self._adapted = source, source.with_one_class().with_scale_shift()
        for role in self._adapted.scale_shift_roles():
            for variable in (*role.gammas, *role.betas):
                variable.assign_add(0.1 * rng.standard_normal(variable.shape))
        count = max(amounts.training + amounts.unseen, amounts.folder, amounts.shown)
        self.noise = rng.integers(0, 256, (count, *source.image_shape), np.uint8)
        self.renew()

    def renew(self) -> None:
        """Makes copies of the generators, which have drawn nothing yet."""
        self.source = Subject("source", self._gan.clone())
        self.adapted = Subject("adapted", self._adapted.clone())

    @property
    def classes(self) -> bool:
        """Whether the source has classes to compare."""
        return self.source.gan.num_classes > 1

    @property
    def domains(self) -> tuple[Subject, Subject]:
        """Two domains: two classes where there are some, else source and adapted."""
        if self.classes:
            return self.source.of_class(0), self.source.of_class(1)
        return self.source, self.adapted

    @property
    def training(self) -> Pictures:
        return Pictures(self.noise[: self.amounts.training])

    @property
    def unseen(self) -> Pictures:
        begin = self.amounts.training
        return Pictures(self.noise[begin : begin + self.amounts.unseen])

    def folder(self) -> Path:
        """Returns a folder of pictures, which is written once."""
        folder = self.place / "pictures"
        if not folder.exists():
            for i in range(self.amounts.folder):
                save_png(self.noise[i], folder / f"{i}.png")
        return folder

    def runs(self) -> list[Path]:
        """Returns two run folders with the drift of a thousand steps, written once."""
        runs = [self.place / name for name in ("one", "other")]
        for path in runs:
            if not path.exists():
                with RunFolder.open(path, {"method": "ewc"}) as folder:
                    for step in range(10, 1001, 10):
                        folder.append_stats(step, {STAT: step / 1000})
        return runs
