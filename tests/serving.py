"""Models to serve whose answers are known, and servers in processes of their own."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
import requests
import tensorflow as tf

from tf_fewshot.compat.saved_models import METADATA, quiet
from tf_fewshot.files import write_json

from .processes import COMMAND

_SECONDS = 120
DIM = 3
PLAIN = "v1/models/plain"
# Of the servers of tests: they look often, and take little.
LIMITS = ("--poll=0.05", "--max_batch_size=8", "--max_megabytes=0.05")


def write_model(base: Path, version: int, factor: float) -> Path:
    """Writes a SavedModel that appears whole: its images are ``factor * truncation * z``.

    As a generator of one pixel: z ``[N, 3]``. It refuses truncations below zero by itself.
    """

    def images(z, truncation):
        with tf.control_dependencies(
            [tf.debugging.assert_non_negative(truncation, "truncation is below 0")]
        ):
            return {"images": weight * truncation[:, None, None, None] * z[:, None, None, :]}

    def png(seed, truncation):
        levels = tf.cast(tf.cast(seed, tf.float32) * truncation, tf.uint8)
        pixels = tf.tile(levels[:, None, None, None], [1, 4, 4, 3])
        files = tf.map_fn(tf.io.encode_png, pixels, tf.TensorSpec([], tf.string))
        return {"images_bytes": files}

    weight = tf.Variable(factor)
    rest = tf.TensorSpec([None], tf.float32, "truncation")
    archive = keras.export.ExportArchive()
    archive.add_endpoint("serving_default", images, [tf.TensorSpec([None, DIM], name="z"), rest])
    archive.add_endpoint("png", png, [tf.TensorSpec([None], tf.int64, "seed"), rest])
    partial = base / f".{version}"
    with quiet():
        archive.write_out(str(partial), verbose=False)
    return partial.rename(base / str(version))


def write_models(folder: Path) -> Path:
    """Writes two models into a new folder: ``plain`` doubles, ``other`` halves."""
    for name, factor in (("plain", 2.0), ("other", 0.5)):
        (folder / name).mkdir(parents=True)
        write_model(folder / name, 1, factor)
    return folder


DOMAINS = ("source", "<b>tea & cake</b>", "blue", "grey")
_COLOURS = np.array([[200, 30, 30], [30, 160, 60], [40, 70, 210], [128, 128, 128]], np.float32)


def write_bank(base: Path, side: int = 16) -> Path:
    """Writes a SavedModel with domains: a picture is its domain's colour, lighter by its seed."""

    def pictures(seed, weights, truncation):
        light = tf.cast(seed % 8, tf.float32) * truncation / 10.0
        colours = tf.linalg.matmul(weights, _COLOURS)
        colours += (255.0 - colours) * light[:, None]
        pixels = tf.tile(tf.cast(tf.round(colours), tf.uint8)[:, None, None], [1, side, side, 1])
        return {"images_bytes": tf.map_fn(tf.io.encode_png, pixels, tf.TensorSpec([], tf.string))}

    def png(seed, domain, truncation):
        return pictures(seed, tf.one_hot(domain, len(DOMAINS)), truncation)

    seed = tf.TensorSpec([None], tf.int64, "seed")
    rest = tf.TensorSpec([None], tf.float32, "truncation")
    weights = tf.TensorSpec([None, len(DOMAINS)], tf.float32, "weights")
    archive = keras.export.ExportArchive()
    archive.track(tf.Variable(0.0))
    archive.add_endpoint("png", png, [seed, tf.TensorSpec([None], tf.int32, "domain"), rest])
    archive.add_endpoint("morph_png", pictures, [seed, weights, rest])
    with quiet():
        archive.write_out(str(base / ".1"), verbose=False)
    write_json(
        base / ".1" / METADATA,
        {
            "domains": DOMAINS,
            "default_truncation": 1.0,
            "domain_truncations": [1.0, 1.0, 0.7, 0.5],
            "no_truncation": 1.0,
            "num_classes": 0,
            "image_shape": [side, side, 3],
        },
    )
    return (base / ".1").rename(base / "1")


@dataclasses.dataclass
class Served:
    """A server that runs.

    Attributes:
        process: Its process; None for one that was there.
        address: Of gRPC.
        url: Of REST.
    """

    process: subprocess.Popen | None
    address: str
    url: str

    def __post_init__(self):
        self.http = requests.Session()
        # A proxy would be asked for this machine, too.
        self.http.trust_env = False

    def get(self, path: str) -> requests.Response:
        return self.http.get(f"{self.url}{path}", timeout=_SECONDS)

    def post(self, path: str, body: object) -> requests.Response:
        data = body if isinstance(body, bytes) else json.dumps(body)
        return self.http.post(f"{self.url}{path}", data=data, timeout=_SECONDS)

    def state(self, model: str, version: int) -> tuple[str, str]:
        """State and error of a version; empty if the server has not seen it yet."""
        entries = self.get(f"v1/models/{model}").json()["model_version_status"]
        found = [entry for entry in entries if entry["version"] == str(version)]
        return (found[0]["state"], found[0]["status"]["error_message"]) if found else ("", "")


def wait_until(condition, seconds: float = 30.0) -> None:
    """Waits until a condition holds, and fails if it never does."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(0.05)


@contextlib.contextmanager
def serving(*flags: str) -> Iterator[Served]:
    """Runs ``tf-fewshot serve`` at free ports, and ends it with the block."""
    command = [sys.executable, "-c", COMMAND, "serve", "--port=0", "--rest_port=0", *flags]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=_environment()
    )
    assert process.stdout and process.stderr
    try:
        lines = [process.stdout.readline() for _ in range(3)]
        if process.poll() is not None:
            raise AssertionError(process.stderr.read())
        url = re.search(r"http://\S+", lines[0])
        address = re.search(r"\S+:\d+$", lines[1].strip())
        assert url and address, lines
        yield Served(process, address[0], url[0])
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.communicate(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


def other_server() -> str:
    """Why TensorFlow's own server cannot be asked here; "" if it can."""
    if shutil.which("tensorflow_model_server"):
        return ""
    return "tensorflow_model_server is not on PATH"


@contextlib.contextmanager
def tensorflow_serving(folder: Path) -> Iterator[Served]:
    """Runs TensorFlow's own server on the models of a folder."""
    ports = [_free_port(), _free_port()]
    lines = [
        f'config {{ name: "{base.name}" base_path: "{base}" model_platform: "tensorflow" }}'
        for base in sorted(folder.iterdir())
    ]
    config = folder.parent / "models.config"
    config.write_text(f"model_config_list {{ {' '.join(lines)} }}", encoding="utf-8")
    command = ["tensorflow_model_server", f"--model_config_file={config}"]
    command += [f"--port={ports[0]}", f"--rest_api_port={ports[1]}"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    served = Served(process, f"127.0.0.1:{ports[0]}", f"http://127.0.0.1:{ports[1]}/")
    try:
        wait_until(lambda: _answers(served), _SECONDS)
        yield served
    finally:
        process.terminate()
        process.communicate()


def levels(file: bytes) -> np.ndarray:
    """The pixels of a PNG file."""
    return tf.io.decode_png(file).numpy()


def _answers(served: Served) -> bool:
    try:
        return served.get("v1/models/plain").ok
    except requests.ConnectionError:
        return False


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]


def _environment() -> dict[str, str]:
    return {**os.environ, "CUDA_VISIBLE_DEVICES": "-1", "no_proxy": "127.0.0.1"}
