"""The lines of a model card that load what is beside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .markdown import python_string

_LEVELS = "levels = np.round((np.clip(images, -1, 1) + 1) * 127.5).astype(np.uint8)"


def adapter_lines(file: str, source: str | None, known: bool) -> str:
    """Python that draws from an adapter file.

    Args:
        file: Its name.
        source: What the source is called.
        known: Whether that name is enough to load it.
    """
    given = "" if known or source is None else f", source={python_string(source)}"
    return "\n".join(
        [
            "import tf_fewshot as tff",
            "",
            f"adapted = tff.load_adapter({python_string(file)}{given})",
            "pictures = adapted.sample(16, seed=0)  # uint8 [16, H, W, 3]",
        ]
    )


def saved_model_lines(classes: int, truncation: float, domains: int = 0) -> str:
    """Python that draws from a SavedModel in whose folder the card is.

    Args:
        classes: How many classes it has; 0 if none.
        truncation: What to draw with.
        domains: How many domains a bank has, of which the last is drawn; 0 if it is none.
    """
    return "\n".join(
        [
            "import tensorflow as tf",
            "",
            'served = tf.saved_model.load(".")',
            'answer = served.signatures["png"](',
            f"    seed=tf.constant([0], tf.int64), truncation=tf.constant([{truncation!r}]),",
            *[f"    domain=tf.constant([{domains - 1}])," for _ in range(min(domains, 1))],
            *["    label=tf.constant([0])," for _ in range(min(classes, 1))],
            ")",
            'with open("sample.png", "wb") as file:',
            '    file.write(answer["images_bytes"][0].numpy())',
        ]
    )


def file_lines(format: str, file: str, inputs: Mapping[str, Any]) -> str:
    """Python that draws from a file, of the tensors that it says it takes."""
    begin, draw = {
        "onnx": (
            [
                "import onnxruntime",
                f"network = onnxruntime.InferenceSession({python_string(file)})",
            ],
            '(images,) = network.run(["images"], inputs)',
        ),
        "litert": (
            [
                "from ai_edge_litert.interpreter import Interpreter",
                f"network = Interpreter({python_string(file)}).get_signature_runner()",
            ],
            'images = network(**inputs)["images"]',
        ),
        "keras": (
            [
                "import keras, tf_fewshot",
                f"network = keras.models.load_model({python_string(file)})",
            ],
            "images = np.asarray(network(*inputs.values()))",
        ),
    }[format]
    size = inputs["z"]["shape"][1]
    truncation = inputs.get("truncation", {}).get("default", 1.0)
    values = {
        "z": f"np.random.default_rng(0).standard_normal((4, {size}), np.float32)",
        "truncation": f"np.full(4, {truncation!r}, np.float32)",
        "label": "np.zeros(4, np.int32)",
    }
    return "\n".join(
        [
            "import numpy as np",
            *begin,
            "",
            "inputs = {",
            *(f'    "{name}": {values[name]},' for name in inputs),
            "}",
            draw,
            f"{_LEVELS}  # uint8 [4, H, W, 3]",
        ]
    )
