"""Files of every format that is read, small and whole, and how they are damaged."""

from __future__ import annotations

import io
import json
import os
import random
import shutil
import signal
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from PIL import Image

import tf_fewshot as tff
from tf_fewshot import backbones
from tf_fewshot.bank.bank import DomainBank
from tf_fewshot.errors import UserError
from tf_fewshot.export import Adapter
from tf_fewshot.features.detector import Detector
from tf_fewshot.training.checkpoint import Checkpoints
from tf_fewshot.training.run_folder import RunFolder
from tf_fewshot.weights.native.gan_file import save_gan

from . import (
    banks,
    biggan_torch,
    chainer_sngan,
    detector_files,
    hub_modules,
    progan_original,
    test_progan,
    test_progan_module,
    test_stylegan3,
    test_stylegan_pickle,
    torch_files,
)
from . import stylegan2_original as original2
from . import test_stylegan2_pickle as pickles2
from .conftest import TINY
from .stylegan3_original import Form
from .test_records import write as write_records

SMALL = {4: 2, 8: 1}
# A file is given up after so many seconds.
PATIENCE = 10

# What is read ------------------------------------------------------------------------------


def _pictures(path: Path) -> None:
    pictures = tff.load_pictures(path, 16)
    assert pictures.images.dtype == np.uint8 and pictures.images.shape[1:] == (16, 16, 3)


def _gan(path: Path) -> None:
    gan = tff.load(path)
    assert len(gan.image_shape) == 3


def _folder_of_gan(path: Path) -> None:
    _gan(path.parent if path.name != "variables.index" else path.parent.parent)


def _adapter(path: Path) -> None:
    Adapter.load(path)


def _bank(path: Path) -> None:
    DomainBank.load(path)


def _run(path: Path) -> None:
    run = RunFolder(path.parent)
    _ = run.config, run.stats(), run.metrics()
    RunFolder.open(path.parent, {"seed": 0}).close()


def _checkpoint(path: Path) -> None:
    variables = [keras.Variable(np.zeros(3)), keras.Variable(np.zeros((2, 2)))]
    Checkpoints(path.parent, {"gan": variables}).restore()


# What is written -----------------------------------------------------------------------------


def _noise(size: int = 24, bands: int = 3) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (size, size + 3, bands), np.uint8)


def _image(suffix: str, mode: str = "RGB", **options) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        path = folder / f"picture.{suffix}"
        Image.fromarray(_noise()).convert(mode).save(path, **options)
        return path

    return write


def _zip(folder: Path) -> Path:
    path = folder / "pictures.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        labels = [[f"{i:05d}/img{i:08d}.png", i] for i in range(2)]
        archive.writestr("dataset.json", json.dumps({"labels": labels}))
        for name, _ in labels:
            buffer = io.BytesIO()
            Image.fromarray(_noise()).save(buffer, "PNG")
            archive.writestr(name, buffer.getvalue())
    return path


def _npz(folder: Path) -> Path:
    latents = np.zeros((2, 4), np.float32)
    np.savez(folder / "p.npz", images=np.stack([_noise()] * 2), labels=[0, 1], latents=latents)
    return folder / "p.npz"


def _npy(folder: Path) -> Path:
    np.save(folder / "p.npy", np.stack([_noise()] * 2))
    return folder / "p.npy"


def _records(folder: Path) -> Path:
    buffer = io.BytesIO()
    Image.fromarray(_noise()).save(buffer, "PNG")
    examples = [{"image/encoded": buffer.getvalue(), "image/class/label": i} for i in range(2)]
    write_records(folder / "p.tfrecord", examples)
    return folder / "p.tfrecord"


def _bundle(folder: Path) -> Path:
    save_gan(backbones.build("dcgan", **TINY["dcgan"]), folder / "g.npz")
    return folder / "g.npz"


def _stylegan(folder: Path) -> Path:
    return test_stylegan_pickle.written(folder / "n.pkl", {4: 3, 8: 2})


def _networks2() -> tuple[dict, dict]:
    g = original2.generator_variables(SMALL, latent=3, w_dim=3, layers=1)
    return g, original2.discriminator_variables(SMALL)


def _stylegan2(folder: Path) -> Path:
    return pickles2.tensorflow(folder / "n.pkl", *_networks2())


def _ada(folder: Path) -> Path:
    g, d = _networks2()
    networks = torch_files.ada_generator(g), torch_files.ada_discriminator(d)
    return pickles2.pytorch(folder / "n.pkl", *networks)


def _rosinality(kind: str) -> Callable[[Path], Path]:
    return lambda folder: pickles2.rosinality(folder / "n.pt", *_networks2(), kind)


def _safetensors(folder: Path) -> Path:
    g, d = _networks2()
    parts = {f"g_ema.{n}": v for n, v in torch_files.rosinality_generator(g).items()}
    parts |= {f"d.{n}": v for n, v in torch_files.rosinality_discriminator(d).items()}
    arrays = {name: tensor.array for name, tensor in parts.items()}
    (folder / "n.safetensors").write_bytes(torch_files.safetensors(arrays))
    return folder / "n.safetensors"


def _stylegan3(folder: Path) -> Path:
    form: Form = test_stylegan3.FORMS["t"]
    return test_stylegan3.written(folder / "n.pkl", form)[0]


def _progan(folder: Path) -> Path:
    g, d = progan_original.generator_variables(), progan_original.discriminator_variables()
    return test_progan.written(folder / "n.pkl", g, d)


def _biggan(kind: str) -> Callable[[Path], Path]:
    suffix = "safetensors" if kind == "safetensors" else "pth"
    return lambda folder: biggan_torch.written(
        folder / f"G_ema.{suffix}", biggan_torch.generator(), kind
    )


def _chainer(folder: Path) -> Path:
    return chainer_sngan.files(folder, *chainer_sngan.arrays_of_both())


def _module(name: str, progan: bool = False) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        if progan:
            test_progan_module.write_module(folder / "m")
        else:
            hub_modules.write_module(folder / "m")
        return next((folder / "m").rglob(name))

    return write


def _detector(folder: Path) -> Path:
    state = {n: torch_files.Tensor(v) for n, v in detector_files.random_state().items()}
    (folder / "d.pth").write_bytes(torch_files.zipped({"model": state}))
    return folder / "d.pth"


def _adapter_file(folder: Path) -> Path:
    adapter = next(iter(banks.adapters_of(banks.source_of("dcgan")).values()))
    adapter.save(folder / "a.npz")
    return folder / "a.npz"


def _bank_file(folder: Path) -> Path:
    save_gan(banks.source_of("dcgan"), folder / "g.npz")
    bank = DomainBank(folder / "g.npz")
    for name, adapter in banks.adapters_of(bank.source).items():
        bank.add(name, adapter)
    bank.save(folder / "b.npz")
    return folder / "b.npz"


def _run_file(name: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        with RunFolder.open(folder, {"seed": 0}, {"steps": 3}) as run:
            run.append_stats(1, {"generator/loss": 0.5})
            run.append_stats(2, {"generator/loss": 0.25})
            run.add_metric({"metric": "fid", "value": 3.5, "step": 2})
        return folder / name

    return write


def _checkpoint_file(folder: Path) -> Path:
    variables = [keras.Variable(np.zeros(3)), keras.Variable(np.zeros((2, 2)))]
    Checkpoints(folder, {"gan": variables}).save(3)
    return folder / "step0000003.npz"


FORMATS: dict[str, tuple[Callable[[Path], Path], Callable[[Path], object]]] = {
    "picture png": (_image("png"), _pictures),
    "picture png palette": (_image("png", "P"), _pictures),
    "picture jpeg": (_image("jpg"), _pictures),
    "picture jpeg cmyk": (_image("jpg", "CMYK"), _pictures),
    "picture webp": (_image("webp"), _pictures),
    "picture gif": (_image("gif"), _pictures),
    "picture bmp": (_image("bmp"), _pictures),
    "picture tiff": (_image("tif", compression="tiff_lzw"), _pictures),
    "pictures zip": (_zip, _pictures),
    "pictures npz": (_npz, _pictures),
    "pictures npy": (_npy, _pictures),
    "pictures tfrecord": (_records, _pictures),
    "bundle": (_bundle, _gan),
    "stylegan": (_stylegan, _gan),
    "stylegan2": (_stylegan2, _gan),
    "stylegan2-ada": (_ada, _gan),
    "stylegan2 zip": (_rosinality("zip"), _gan),
    "stylegan2 legacy": (_rosinality("legacy"), _gan),
    "stylegan2 safetensors": (_safetensors, _gan),
    "stylegan3": (_stylegan3, _gan),
    "progan": (_progan, _gan),
    "biggan zip": (_biggan("zip"), _gan),
    "biggan legacy": (_biggan("legacy"), _gan),
    "biggan safetensors": (_biggan("safetensors"), _gan),
    "chainer": (_chainer, _gan),
    "biggan module": (_module("saved_model.pb"), _folder_of_gan),
    "biggan module index": (_module("variables.index"), _folder_of_gan),
    "progan module": (_module("saved_model.pb", progan=True), _folder_of_gan),
    "detector": (_detector, Detector),
    "adapter": (_adapter_file, _adapter),
    "bank": (_bank_file, _bank),
    "run config": (_run_file("config.json"), _run),
    "run stats": (_run_file("stats.jsonl"), _run),
    "run metric": (_run_file("metric-fid.jsonl"), _run),
    "checkpoint": (_checkpoint_file, _checkpoint),
}


# Damage ------------------------------------------------------------------------------------------


def damaged(content: bytes, rng: random.Random) -> bytes:
    """Bytes flipped, replaced, cut out, put in twice, or cut off; most near the beginning."""
    if zipfile.is_zipfile(io.BytesIO(content)) and rng.random() < 0.7:
        return _inside(content, rng)
    data = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 4, 16))):
        # What says how to read comes first, or last.
        reach = rng.choice((64, 512, len(data)))
        at = rng.randrange(max(1, min(reach, len(data))))
        if rng.random() < 0.2:
            at = max(0, len(data) - 1 - at)
        size = rng.choice((1, 1, 2, 4, 8, 40))
        kind = rng.randrange(6)
        if kind == 0 and data:
            data[min(at, len(data) - 1)] ^= 1 << rng.randrange(8)
        elif kind == 1:
            data[at : at + size] = rng.randbytes(size)
        elif kind == 2:
            data[at : at + size] = rng.choice((b"\x00", b"\xff", b"\x7f", b"9")) * size
        elif kind == 3:
            del data[at : at + size]
        elif kind == 4:
            data[at:at] = data[at : at + size]
        elif rng.random() < 0.3:
            del data[at:]
    return bytes(data)


def _inside(content: bytes, rng: random.Random) -> bytes:
    """A whole zip, of which one member is damaged, missing or of another name."""
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as old,
        zipfile.ZipFile(buffer, "w") as new,
    ):
        names = old.namelist()
        # Headers are small; a member of weights has little but numbers.
        chosen = rng.choice(sorted(names, key=lambda n: old.getinfo(n).file_size)[:4] + names)
        for name in names:
            value = old.read(name)
            if name == chosen:
                change = rng.random()
                if change < 0.05:
                    continue
                if change < 0.1:
                    # zipfile ends a name at a zero.
                    name = damaged(name.encode(), rng).decode("latin-1").partition("\x00")[0]
                value = damaged(value, rng)
            new.writestr(name or "a", value)
    return buffer.getvalue()


# In a process of its own ------------------------------------------------------------------------

FORBIDDEN = ("os.system", "os.exec", "os.posix_spawn", "os.fork", "subprocess.Popen", "socket.")


def try_all(name: str, folder: Path, count: int, seed: int) -> None:
    """Reads ``count`` damaged files, writing to ``folder`` what came of them.

    A file that takes too long, or kills the process, is the one whose number stands last in
    ``progress``.
    """
    write, read = FORMATS[name]
    (folder / "whole").mkdir()
    whole = write(folder / "whole")
    read(whole)
    content, place = whole.read_bytes(), whole.relative_to(folder / "whole")
    allowed = (str(folder), os.environ["TF_FEWSHOT_CACHE"], "/dev/")
    wrong: list[str] = []
    number = 0

    def audit(event: str, arguments: tuple) -> None:
        if event.startswith(FORBIDDEN):
            wrong.append(f"{number}: {event}")
        if event == "open" and isinstance(arguments[0], str | bytes):
            mode, flags = arguments[1] or "", arguments[2] or 0
            writes = set(mode) & set("wax+") or flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
            if writes and not os.path.abspath(os.fsdecode(arguments[0])).startswith(allowed):
                wrong.append(f"{number}: writes {os.fsdecode(arguments[0])}")

    sys.addaudithook(audit)
    read_well = 0
    with open(folder / "progress", "w", encoding="utf-8") as progress:
        for number in range(count):
            rng = random.Random(f"{name} {seed} {number}")
            shutil.copytree(folder / "whole", folder / "now")
            path = folder / "now" / place
            path.write_bytes(damaged(content, rng))
            progress.write(f"{number}\n")
            progress.flush()
            signal.alarm(PATIENCE)
            try:
                read(path)
                read_well += 1
            except UserError as error:
                if "\n" in str(error) or len(str(error)) > 2000:
                    wrong.append(f"{number}: says too much: {str(error)[:200]}")
            except Exception as error:
                wrong.append(f"{number}: {type(error).__name__}: {str(error)[:300]}")
            signal.alarm(0)
            shutil.rmtree(folder / "now")
            if number % 50 == 0:
                tf.keras.backend.clear_session()
    (folder / "result").write_text(json.dumps({"wrong": wrong, "read": read_well}))
