"""Model cards: ``README.md`` beside an adapter or export, as model hubs and people read it.

The fields of its header are those of the Hugging Face Hub's model cards
(https://huggingface.co/docs/hub/model-cards); what a card should tell is after Mitchell et al.,
"Model Cards for Model Reporting" (FAT* 2019).
"""

from __future__ import annotations

import dataclasses
import hashlib
import logging
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .. import methods
from ..backbones import GAN
from ..backbones.sampling import sample_images
from ..data.grid import image_grid, save_png
from ..files import write_text
from ..weights.licences import Licence, licence_of
from ..weights.presets import PRESETS
from .adapter import Adapter
from .markdown import escaped, plain, table, yaml_header
from .origin import origin_of, public_name

CARD, SAMPLES = "README.md", "samples.png"
# Large pictures are drawn slowly, and make large files.
_LARGE, _MANY, _FEW = 128, 16, 4
_MARK = re.compile(r"<!-- tf-fewshot wrote this card: ([0-9a-f]{64}) -->\n\Z")
# What hubs take for the name of a model.
_MODEL = re.compile(r"[\w-][\w.-]*(/[\w-][\w.-]*)?", re.ASCII)
_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Part:
    """Something beside a card, and how to load it.

    Attributes:
        words: What it is.
        lines: Python that draws from it.
        tags: What hubs list it under.
    """

    words: str
    lines: str
    tags: Sequence[str] = ()


@dataclasses.dataclass(frozen=True)
class Card:
    """What is told of a generator.

    Attributes:
        gan: The generator.
        adapter: What made it of its source; None for a source itself.
        records: What was measured, as :func:`tf_fewshot.metrics.evaluate` returns it.
        pictures: Samples to show, uint8 ``[N, H, W, 3]``; None draws some, unless there are some.
        domains: Of a bank, the name and method of each domain; that of the source is None.
    """

    gan: GAN
    adapter: Adapter | None = None
    records: Sequence[Mapping[str, Any]] = ()
    pictures: np.ndarray | None = None
    domains: Sequence[tuple[str, str | None]] = ()

    def write(self, folder: str | os.PathLike, title: str, parts: Sequence[Part]) -> bool:
        """Writes ``README.md`` and ``samples.png`` into a folder.

        A ``README.md`` that somebody else wrote, or has edited since, is left as it is: what
        it says of licences may be more than is known here.

        Args:
            folder: Where to.
            title: Of the card.
            parts: What is in the folder.

        Returns:
            Whether they were written.

        Raises:
            UserError: if they cannot be written.
        """
        path = Path(folder) / CARD
        if path.exists() and not _is_own(path):
            _log.warning("%s is not as tf-fewshot wrote it, and is left as it is.", path)
            return False
        samples = path.with_name(SAMPLES)
        if self.pictures is not None or not samples.exists():
            save_png(image_grid(self._samples(), pad=2), samples)
        write_text(path, _marked(self.text(title, parts)))
        return True

    def text(self, title: str, parts: Sequence[Part]) -> str:
        """The card as Markdown, with its header."""
        sections = [
            self._header([tag for part in parts for tag in part.tags]),
            f"# {escaped(title)}",
            self._summary(),
            f"![Samples]({SAMPLES})",
            "## How to load it",
            *(f"{part.words}:\n\n```python\n{part.lines}\n```" for part in parts),
            "## Source and licence",
            self._licences(),
            *self._domains(),
            *self._training(),
            "## What was measured",
            self._measured(),
            "## Intended use",
            self._intended(),
            "## Misuse, and how to tell",
            self._misuse(),
        ]
        return "\n\n".join(sections) + "\n"

    @property
    def _source(self) -> str | None:
        return origin_of(self.gan, self.adapter)["source"]

    @property
    def _licence(self) -> Licence | None:
        preset = PRESETS.get(self._source or "")
        words = self.gan.source_metadata.get("licence")
        if preset is not None:
            return preset.licence
        return licence_of(str(words)) if words else None

    def _samples(self) -> np.ndarray:
        if self.pictures is not None:
            return self.pictures
        many, batch_size = shown(self.gan)
        truncation = self.adapter.sampling.get("truncation") if self.adapter else None
        return sample_images(self.gan, many, 0, truncation, batch_size)

    def _header(self, tags: Sequence[str]) -> str:
        licence, source = self._licence, self._source
        values: dict[str, str | Sequence[str]] = {
            "library_name": "tf-fewshot",
            "pipeline_tag": "unconditional-image-generation",
        }
        if self.adapter is not None or self.domains:
            # The pictures have one, too, which nobody has stated.
            values |= {"license": "other", "license_name": "source-and-pictures"}
            if source and _MODEL.fullmatch(source):
                values["base_model"] = source
            method = [self.adapter.method] if self.adapter else []
            tags = ["few-shot", *method, *tags]
        elif licence is None:
            values |= {"license": "other", "license_name": "unknown"}
        else:
            values["license"] = licence.identifier
            if licence.identifier == "other":
                values["license_name"] = "see-card"
            if licence.link:
                values["license_link"] = licence.link
        values["tags"] = ["image-generation", "gan", self.gan.architecture, *tags]
        return yaml_header(values)

    def _summary(self) -> str:
        height, width = self.gan.image_shape[:2]
        what = (
            f"A {escaped(self.gan.architecture)} that draws pictures of {height} × {width} pixels"
        )
        if self.gan.num_classes:
            what += f" of {self.gan.num_classes} classes"
        if self.domains:
            number = len(self.domains) - 1
            what += f", and in {number} other domain{'s' * (number > 1)}, each of a few pictures"
        if self.adapter is None:
            return f"{what}."
        return (
            f"{what}, made by tf-fewshot from the source "
            f"{escaped(self._source)} and {self._pictures()} by {self._method()}."
        )

    def _pictures(self) -> str:
        number = self.adapter.settings.get("pictures") if self.adapter else None
        if not isinstance(number, int):
            return "a few pictures"
        return "one picture" if number == 1 else f"{number} pictures"

    def _method(self) -> str:
        assert self.adapter is not None
        name = self.adapter.method
        title = methods.get(name).title if name in methods.names() else name
        return escaped(title)

    def _licences(self) -> str:
        source, licence = self._source, self._licence
        preset = PRESETS.get(source or "")
        about = f" ({escaped(preset.about)})" if preset else ""
        stated = escaped(licence) if licence else "not stated where they are from"
        lines = [
            f"- Source: {escaped(source or 'not named')}{about}. Licence of its weights: {stated}."
        ]
        if self.adapter is not None or self.domains:
            lines.append(
                f"- Learned from: {self._pictures()}, whose licence is not stated here. Whoever "
                "publishes this generator should state it, and may edit this card: it is not "
                "written over then."
            )
        return "\n".join(lines)

    def _domains(self) -> list[str]:
        if not self.domains:
            return []
        rows = [(str(i), name, method or "–") for i, (name, method) in enumerate(self.domains)]
        return ["## Domains", table(["number", "name", "method"], rows)]

    def _training(self) -> list[str]:
        if self.adapter is None:
            return []
        name = self.adapter.method
        paper = methods.get(name).paper if name in methods.names() else "not known here"
        origin = origin_of(self.gan, self.adapter)
        rows = [(key, _shown(value)) for key, value in origin["settings"].items()]
        facts = f"Method: {self._method()} ({escaped(name)}). Described in: {escaped(paper)}."
        return ["## Training", facts, table(["setting", "value"], rows)]

    def _measured(self) -> str:
        if not self.records:
            return "Nothing was measured: `tf-fewshot evaluate` measures samples against pictures."
        rows = []
        for record in self.records:
            value, std = record.get("value"), record.get("std")
            spread = f" ± {std:.4g}" if isinstance(std, float) else ""
            shown = f"{value:.4g}{spread}" if isinstance(value, int | float) else value
            reference = record.get("reference")
            rows.append(
                (
                    record.get("metric"),
                    shown,
                    record.get("num_fake", "–"),
                    record.get("num_real", "–"),
                    public_name(str(reference)) if reference else "–",
                    record.get("feature_network", "–"),
                    record.get("note") or "–",
                )
            )
        head = ["metric", "value", "samples", "real", "reference", "network", "note"]
        return table(head, rows)

    def _intended(self) -> str:
        return (
            "Drawing new pictures like those that it learned from: for art, prototypes and games, "
            "as data for other networks, and to study generators that learn from few pictures. It "
            "knows nothing else. What it draws is made up, whatever it resembles, and a record of "
            "nothing."
        )

    def _misuse(self) -> str:
        found = [r["value"] for r in self.records if r.get("metric") == "detectability"]
        if found and isinstance(found[-1], int | float):
            told = (
                f"A detector told its pictures from real ones with an average precision of "
                f"{found[-1]:.2f} (0.5 is not at all, 1 is all of them)"
            )
        else:
            told = (
                "How well a detector tells its pictures from real ones was not measured: "
                "`tf-fewshot evaluate --metrics=detectability` does"
            )
        return "\n".join(
            [
                "- Do not pass its pictures off as photographs, as real persons or events, or as "
                "the work of whoever made the pictures that it learned from.",
                "- Generators learn few pictures by heart: samples can be copies of them, with the "
                "rights that these have. `tf-fewshot analyze neighbours` shows samples beside "
                "the nearest training pictures.",
                f"- {told}. A detector that misses them proves nothing: say that pictures are "
                "generated where you show them.",
            ]
        )


def shown(gan: GAN) -> tuple[int, int]:
    """How many samples a card shows, and how many are drawn at a time."""
    return (_FEW, 1) if gan.image_shape[0] > _LARGE else (_MANY, _MANY)


def _shown(value: Any) -> str:
    return str(value).lower() if value is None or isinstance(value, bool) else plain(value)


def _marked(text: str) -> str:
    """A card that ends with what tells whether it has been edited since."""
    digest = hashlib.sha256(text.encode()).hexdigest()
    return f"{text}\n<!-- tf-fewshot wrote this card: {digest} -->\n"


def _is_own(path: Path) -> bool:
    """Whether a card is as it was written."""
    text = path.read_text("utf-8", errors="replace")
    mark = _MARK.search(text)
    return mark is not None and _marked(text[: mark.start() - 1]) == text
