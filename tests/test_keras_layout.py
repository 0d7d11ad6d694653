"""How Keras files lay out the weights of every network: files of before must go on to load.

Keras walks the attributes of a layer in alphabetical order, properties among them, and files a
weight under the first that leads to it. A property that is renamed, or a new one that sorts before
others, therefore breaks the files of before, and nothing else shows it.
"""

from __future__ import annotations

import hashlib
import io
import zipfile

import h5py
import pytest

from tf_fewshot import backbones

from .network_checks import saving
from .processes import command
from .test_matrix import SOURCES

# SHA-256 of the sorted names of the tables, of the first release that wrote such files.
LAYOUTS = {
    ("biggan", "generator"): "93d15971597f3230",
    ("biggan_deep", "generator"): "9f0f6bb9ac91ee8c",
    ("dcgan", "generator"): "016480ba4a1851ca",
    ("dcgan", "discriminator"): "d9d53c9865abba09",
    ("sngan", "generator"): "aae2b7e65ce1370b",
    ("sngan", "discriminator"): "75e7a6e50128c5f6",
    ("stylegan", "generator"): "fa905c416c755a24",
    ("stylegan", "discriminator"): "6e06618bfbde41fc",
    ("stylegan2", "generator"): "0be51147f8440b0a",
    ("stylegan2", "discriminator"): "ba58b9eed9321485",
    ("stylegan3", "generator"): "95947006ada0d2b8",
    ("stylegan3", "discriminator"): "ba58b9eed9321485",
    ("progan", "generator"): "abc95917f9de3bf4",
    ("progan", "discriminator"): "0e987d8a73ac4d47",
}


def tables(path) -> list[str]:
    """The names of all tables of numbers in a Keras file."""
    names: list[str] = []

    def note(name, item):
        if isinstance(item, h5py.Dataset):
            names.append(name)

    with zipfile.ZipFile(path) as archive:
        weights = io.BytesIO(archive.read("model.weights.h5"))
    with h5py.File(weights) as file:
        file.visititems(note)
    return names


@saving
@pytest.mark.parametrize(("architecture", "network"), sorted(LAYOUTS))
def test_weights_lie_in_a_keras_file_where_they_lay(architecture, network, tmp_path):
    gan = backbones.build(architecture, **SOURCES[architecture])
    getattr(gan, network).save(tmp_path / "network.keras")
    names = "\n".join(sorted(tables(tmp_path / "network.keras")))
    assert hashlib.sha256(names.encode()).hexdigest()[:16] == LAYOUTS[architecture, network], names


_LOADS = """
import sys
{imports}
assert ("keras" in sys.modules) is {heavy}
import keras
generator = keras.models.load_model(sys.argv[1])
print(type(generator).__name__)
"""


@saving
@pytest.mark.parametrize(
    ("imports", "heavy"),
    [
        ("import tf_fewshot", False),
        pytest.param("import keras, tf_fewshot", True, marks=pytest.mark.large),
        # Modules whose first import of Keras stands in the middle of their own.
        ("import tf_fewshot.layers.modulated, tf_fewshot.backbones", True),
    ],
)
def test_keras_finds_the_classes_of_a_file(imports, heavy, tiny_stylegan, tmp_path):
    """The import of the package stays light, and needs no other name of it."""
    tiny_stylegan.generator.save(tmp_path / "g.keras")
    code = _LOADS.format(imports=imports, heavy=heavy)
    done, _ = command(tmp_path / "g.keras", code=code)
    assert done.stdout == "StyleGANGenerator\n", done.stderr
