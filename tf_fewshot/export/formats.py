"""The formats of one file that a generator can be exported to, each proven before it is there."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from ..backbones import GAN
from ..compat.optional import optional
from ..errors import UserError, unknown_name
from ..files import atomic_path
from .adapter import Adapter
from .card import Card, Part, shown
from .keras_file import KerasNetwork, run_keras, write_keras
from .litert_file import read_description, run_litert, write_litert
from .loading import file_lines
from .onnx_file import describe_onnx, run_onnx, write_onnx
from .portable import Portable, Tensor
from .publishing import check_pictures
from .sampling import Sampling
from .saved_model import export_saved_model

# Other orders of the same sums: at the sharp edges of a trained StyleGAN a few pixels of float32
# are off by more than the tolerance, which is an eightieth of a level of 255.
_OUTLIERS = 10


@dataclasses.dataclass(frozen=True)
class Format:
    """A kind of file, who reads it, and how it is written and tried.

    Attributes:
        suffix: Of the file.
        words: What such a file is called.
        tag: What model hubs call it.
        runtime: Name and package of what reads it.
        modules: What must be installed, of extras.
        network: Makes the network that is written.
        write: Writes a network and its description to a path.
        run: Loads a file and returns the images of inputs, float32 ``[N, H, W, C]``.
        describe: Returns the description that was written into a file.
    """

    suffix: str
    words: str
    tag: str
    runtime: tuple[str, str]
    modules: tuple[str, ...]
    network: Callable[[GAN, Sampling], Portable]
    write: Callable[[Portable, Path, Mapping[str, Any]], None]
    run: Callable[[Path, Mapping[str, np.ndarray]], np.ndarray]
    describe: Callable[[Path], dict[str, Any]]


SAVED_MODEL = "savedmodel"
FORMATS: dict[str, Format] = {
    "onnx": Format(
        ".onnx",
        "ONNX file",
        "onnx",
        ("ONNX Runtime", "onnxruntime"),
        ("tf2onnx", "onnx", "onnxruntime"),
        Portable,
        write_onnx,
        run_onnx,
        describe_onnx,
    ),
    "litert": Format(
        ".tflite",
        "LiteRT file",
        "tflite",
        ("LiteRT", "ai-edge-litert"),
        ("ai_edge_litert.interpreter",),
        Portable,
        write_litert,
        run_litert,
        read_description,
    ),
    "keras": Format(
        ".keras",
        "Keras file",
        "keras",
        ("Keras", "keras"),
        (),
        KerasNetwork,
        write_keras,
        run_keras,
        read_description,
    ),
}


@dataclasses.dataclass(frozen=True)
class Exported:
    """What was exported.

    Attributes:
        path: The file, or the directory of a SavedModel's version.
        inputs, outputs: The file's tensors by name; a SavedModel's signatures say them.
        runtime: What the file was tried with: name and version.
        differences: By size of the batch, the largest absolute difference of the file's images
            from those that TensorFlow draws eagerly.
    """

    path: Path
    inputs: Mapping[str, Tensor] = dataclasses.field(default_factory=dict)
    outputs: Mapping[str, Tensor] = dataclasses.field(default_factory=dict)
    runtime: str = ""
    differences: Mapping[int, float] = dataclasses.field(default_factory=dict)

    def __str__(self) -> str:
        lines = [str(self.path)]
        if not self.differences:
            return lines[0]
        for kind, tensors in (("input", self.inputs), ("output", self.outputs)):
            for name, t in tensors.items():
                shape = ", ".join(map(str, t.shape))
                default = "" if t.default is None else f"; {t.default:g} by default"
                lines.append(f"  {kind} {name}: {t.dtype} [{shape}], {t.about}{default}")
        sizes = " and ".join(map(str, self.differences))
        worst = max(self.differences.values())
        lines.append(
            f"  {self.runtime} draws what TensorFlow draws to {worst:.1g}, in batches of {sizes}"
        )
        return "\n".join(lines)


def export(
    gan: GAN,
    directory: str | os.PathLike,
    format: str = SAVED_MODEL,
    *,
    adapter: Adapter | None = None,
    version: int | None = None,
    records: Sequence[Mapping[str, Any]] = (),
) -> Exported:
    """Exports a generator, as :func:`export_saved_model` or :func:`export_file` do.

    A model card, ``README.md``, is beside the file or in the SavedModel's version.

    Args:
        gan: The generator.
        directory: See there.
        format: "savedmodel", or a name in ``FORMATS``.
        adapter: The adapter that ``gan`` comes from.
        version: Of a SavedModel.
        records: What was measured of it, for the card.

    Raises:
        UserError: if it cannot be done. Nothing is left behind then.
    """
    if format == SAVED_MODEL:
        card = Card(gan, adapter, records)
        path = export_saved_model(gan, directory, adapter=adapter, version=version, card=card)
        return Exported(path)
    if version is not None:
        raise UserError(
            "Only a SavedModel has versions, which TF-Serving asks for: leave the version out."
        )
    return export_file(gan, directory, format, adapter=adapter, records=records)


def export_file(
    gan: GAN,
    directory: str | os.PathLike,
    format: str,
    *,
    adapter: Adapter | None = None,
    sampling: Sampling | None = None,
    tolerance: float = 1e-4,
    records: Sequence[Mapping[str, Any]] = (),
) -> Exported:
    """Writes ``directory/<its name><suffix>``, tried by the runtime that reads such files.

    The file maps ``z`` float32 ``[N, latent_dim]`` (``free_latent_dim`` if sampled by free
    latents) to ``images`` float32 ``[N, H, W, C]`` in [-1, 1]. Where the network itself truncates
    it takes ``truncation`` float32 ``[N]``, and where there are classes ``label`` int32 ``[N]``.
    N is free. A Keras file is the generator as it is, of ``z`` and ``label``. What the file says
    of itself is JSON: in ONNX's metadata as ``tf_fewshot``, else as ``tf_fewshot.json`` in the
    zip that a Keras file is and a LiteRT file ends with. ``README.md`` and ``samples.png`` beside
    it tell people, also of files of the same generator in other formats that are there.

    Args:
        gan: The generator; exported in float32 whatever it was trained in.
        directory: Made if it is not there. An earlier export of the same format is replaced.
        format: A name in ``FORMATS``.
        adapter: The adapter that ``gan`` comes from; recorded, and gives ``sampling``.
        sampling: How to sample; by default the adapter's, else ``z``, no truncation.
        tolerance: Largest root of the mean square difference from eager output that is accepted;
            a single pixel may be off by ten times that.
        records: What was measured of it, for the card.

    Raises:
        UserError: if a package is missing, the format lacks an operation, the file cannot be
            written, or its images differ. Nothing is left behind then.
    """
    if format not in FORMATS:
        raise unknown_name("format", format, [SAVED_MODEL, *FORMATS])
    kind, directory = FORMATS[format], Path(directory)
    if directory.suffix in {f.suffix for f in FORMATS.values()}:
        raise UserError(
            f"{directory} is to be a folder, which gets a file of its name: leave "
            f"{directory.suffix!r} out."
        )
    if directory.exists() and not directory.is_dir():
        raise UserError(f"{directory} is a file. Choose a folder to export to.")
    check_pictures(gan, f"a {kind.words}")
    for module in kind.modules:
        optional(module)
    if sampling is None:
        sampling = Sampling.from_json(adapter.sampling) if adapter else Sampling()
    network = kind.network(gan, sampling)
    path = directory / f"{directory.resolve().name}{kind.suffix}"
    new = not directory.exists()
    try:
        with atomic_path(path) as partial:
            kind.write(network, partial, {"format": format, **network.description(adapter)})
            differences = _tried(kind, network, partial, tolerance)
        card = Card(gan, adapter, records, network.pictures(*shown(gan)))
        card.write(directory, directory.resolve().name, _parts(directory, network))
    finally:
        if new:
            # Only removed if nothing was published into it.
            with suppress(OSError):
                directory.rmdir()
    name, package = kind.runtime
    runtime = f"{name} {importlib.metadata.version(package)}"
    return Exported(path, network.inputs, network.outputs, runtime, differences)


def _parts(directory: Path, network: Portable) -> list[Part]:
    """The files of the generator that a folder holds, to be told of on its card."""
    parts, mine = [], network.gan.fingerprint("generator")
    for name, kind in FORMATS.items():
        path = directory / f"{directory.resolve().name}{kind.suffix}"
        says: Mapping[str, Any] = {}
        # It is not there, is of something else, or what reads it is not installed.
        with suppress(Exception):
            says = kind.describe(path)
        if says.get("fingerprint") == mine:
            lines = file_lines(name, path.name, says["inputs"])
            parts.append(Part(f"{kind.words}, read by {kind.runtime[0]}", lines, [kind.tag]))
    return parts


def _tried(kind: Format, network: Portable, path: Path, tolerance: float) -> dict[int, float]:
    """By size of the batch, how far a file's images are from those that TensorFlow draws."""
    differences = {}
    for inputs, expected in network.examples():
        try:
            images = kind.run(path, inputs)
        except Exception as error:  # Every runtime has its own.
            raise _refusal(kind, network, " ".join(str(error).split())[:300]) from error
        if images.shape != expected.shape:
            why = f"images of shape {list(images.shape)}, not {list(expected.shape)}"
            raise _refusal(kind, network, why)
        off = np.abs(np.asarray(images, np.float64) - expected)
        most, typical = float(np.max(off)), float(np.sqrt(np.mean(off**2)))
        # Also false for NaN.
        if not (typical <= tolerance and most <= _OUTLIERS * tolerance):
            why = (
                f"images differ from TensorFlow's by {typical:.2g} (root of the mean square), in "
                f"one place by {most:.2g}; {tolerance:g} and {_OUTLIERS * tolerance:g} are allowed"
            )
            raise _refusal(kind, network, why)
        differences[len(expected)] = most
    return differences


def _refusal(kind: Format, network: Portable, why: str) -> UserError:
    return UserError(
        f"The {kind.words} of this {network.gan.architecture} would not work: {kind.runtime[0]} "
        f"says: {why}. Nothing was written. Export it in another format."
    )
