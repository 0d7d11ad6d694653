"""Pictures of TensorFlow Datasets."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable
from typing import Any

import numpy as np
from PIL import Image

from ...errors import UserError
from .entries import Entry, Source

# What reading takes, and what each is imported as. Release 4.9.10 of the first needs the second,
# and installs it for Python below 3.9 alone.
_PACKAGES = {
    "tensorflow-datasets": "tensorflow_datasets",
    "importlib-resources": "importlib_resources",
}


def dataset(text: str, first: int | None) -> Source:
    """Lists the pictures of ``tfds:NAME[:SPLIT]``, at most the first so many.

    Raises:
        UserError: if TensorFlow Datasets is not there, or cannot give it.
    """
    match = re.fullmatch(r"tfds:([^:]+(?::\d+\.\d+\.\d+)?)(?::(.+))?", text)
    if match is None:
        raise UserError(f"{text!r} is not of the form tfds:NAME or tfds:NAME:SPLIT.")
    name, split = match[1], match[2] or "train"
    try:
        import tensorflow_datasets

        loaded = tensorflow_datasets.load(name, split=split)
        examples = list(itertools.islice(tensorflow_datasets.as_numpy(loaded), first))
    except ImportError as error:
        missing = (error.name or "tensorflow_datasets").partition(".")[0]
        wanted = " ".join(_PACKAGES) if missing in _PACKAGES.values() else missing
        raise UserError(
            f"{text} needs the package {missing}, which is not installed: pip install {wanted}."
        ) from error
    except Exception as error:
        reason = (str(error).strip() or type(error).__name__).split("\n")[0]
        raise UserError(f"TensorFlow Datasets cannot give {name} {split}: {reason}") from error
    return _entries(text, examples)


def _entries(text: str, examples: Iterable[dict[str, Any]]) -> Source:
    entries = []
    for i, example in enumerate(examples):
        if "image" not in example:
            raise UserError(f"{text} has no feature 'image'; it has {', '.join(example)}.")
        image = np.asarray(example["image"])
        image = image[..., 0] if image.shape[-1] == 1 else image
        label = example.get("label")
        entries.append(
            Entry(
                f"{text} {i}",
                lambda image=image: Image.fromarray(image),
                None if label is None or np.ndim(label) else int(label),
            )
        )
    return Source(entries)
