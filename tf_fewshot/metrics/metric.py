"""The form of a metric, and the pictures and features that it may look at."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ..data.pictures import Pictures
from ..errors import UserError
from .embeddings import Embeddings
from .features import Progress, extract, reference_features

if TYPE_CHECKING:
    from ..features.detector import Detector


@dataclasses.dataclass(frozen=True)
class Metric:
    """A number about generated pictures.

    Attributes:
        name: The name by which it is asked for.
        measure: Gives the record's ``value``, and ``std``, ``note`` and more if it has
            them, from the inputs.
        summary: One line for people.
        min_real: Fewest reference pictures; 0 if the metric does not look at them.
        min_fake: Fewest generated pictures.
        needs_training: Whether it looks at the pictures that were trained on.
        better: "lower" or "higher", or None where neither is.
    """

    name: str
    measure: Callable[[Inputs], dict[str, Any]]
    summary: str
    min_real: int = 0
    min_fake: int = 1
    needs_training: bool = False
    better: Literal["lower", "higher"] | None = None


@dataclasses.dataclass(frozen=True, eq=False)
class Inputs:
    """Pictures, and what networks see in them; each is computed when first asked for.

    Attributes:
        fake: Generated pictures, uint8 ``[N, H, W, 3]``.
        reference: Real pictures of the domain.
        training: The pictures that were trained on, if they are known.
        extractor_name: Network of the features, a name in ``features.EXTRACTORS``.
        lpips_net: Trunk of LPIPS, "alex" or "vgg".
        progress: Called as ``progress(what, done, total)``.
        seed: Seed of the draw, and of what a metric draws itself.
        detector: A detector of generated pictures, if one is given: uint8 pictures to logits.
    """

    fake: np.ndarray
    reference: Pictures
    training: Pictures | None = None
    extractor_name: str = "efficientnet_lite0"
    lpips_net: str = "alex"
    progress: Progress | None = None
    seed: int = 0
    detector: Detector | None = None

    def through(self, extractor_name: str) -> Inputs:
        """Returns the same pictures, whose features are another network's."""
        if extractor_name == self.extractor_name:
            return self
        return dataclasses.replace(self, extractor_name=extractor_name)

    @functools.cached_property
    def extractor(self):
        """The frozen network that makes features."""
        from ..features import extractor

        return extractor(self.extractor_name)

    @functools.cached_property
    def real_features(self) -> np.ndarray:
        """The features of the reference, float32 ``[num_real, D]``, kept on disk."""
        return reference_features(self.extractor, self.reference, self.progress)

    @functools.cached_property
    def fake_features(self) -> np.ndarray:
        """The features of the generated pictures, float32 ``[num_fake, D]``."""
        return extract(self.extractor, self.fake, self.progress, "features of generated pictures")

    @functools.cached_property
    def lpips(self):
        """The LPIPS network."""
        from ..features import lpips

        return lpips(self.lpips_net)

    @functools.cached_property
    def fake_embeddings(self) -> Embeddings:
        """The LPIPS embeddings of the generated pictures."""
        return Embeddings(self.lpips.embed, self.fake)

    @functools.cached_property
    def training_embeddings(self) -> Embeddings:
        """The LPIPS embeddings of the training pictures, at the size of the generated ones."""
        if self.training is None:
            raise UserError("This metric needs the pictures that were trained on.")
        return Embeddings(self.lpips.embed, self.training.resized(self.fake.shape[1:3]).images)

    def extractor_facts(self) -> dict[str, Any]:
        """Returns what a record must say of the network of the features."""
        extractor = self.extractor
        return {
            "num_real": len(self.reference),
            "feature_network": extractor.name,
            "feature_sha256": extractor.version,
            "resize": extractor.resize,
        }

    def lpips_facts(self) -> dict[str, Any]:
        """Returns what a record must say of the LPIPS network."""
        return {
            "feature_network": f"lpips_{self.lpips_net}",
            "feature_sha256": self.lpips.version,
            "resize": None,
        }
