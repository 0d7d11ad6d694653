"""The command tf-fewshot bank, from adding adapters to a served model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tf_fewshot import weights
from tf_fewshot.bank import DomainBank
from tf_fewshot.data.grid import image_grid
from tf_fewshot.export import Adapter
from tf_fewshot.weights import save_gan

from .banks import bsa_like, moved, source_of
from .processes import Done, forks


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A source, three adapters that fit a bank, and one that does not."""
    folder = tmp_path_factory.mktemp("bank")
    save_gan(source_of("dcgan"), folder / "source.npz")
    source = weights.load(folder / "source.npz")
    for i, name in enumerate(["toons", "elfs", "robots"]):
        adapter = bsa_like(source, i, truncation=0.5 + i)
        adapter.source = "source.npz"
        adapter.settings["pictures"] = 5
        adapter.save(folder / "runs" / name / "adapter" / "adapter.npz")
    adapted = moved(source.with_scale_shift(), 5)
    kernel = adapted.generator.blocks[0].conv.kernel
    kernel.assign_add(tf.ones_like(kernel))
    other = Adapter.from_gans(source, adapted, method="ewc", source_name="source.npz")
    other.save(folder / "runs" / "cats" / "adapter" / "adapter.npz")
    return folder


def bank(folder: Path, *arguments: str) -> Done:
    return forks().command("bank", *arguments, cwd=folder)


def test_from_adapters_to_a_list(folder):
    done = bank(folder, "add", "--bank=a.bank", "--adapters=runs/toons,elves=runs/elfs/adapter")
    assert (done.code, done.stdout) == (0, "1 toons\n2 elves\na.bank\n"), done.stderr
    done = bank(folder, "add", "--bank=a.bank", "--adapters=runs/robots")
    assert (done.code, done.stdout) == (0, "3 robots\na.bank\n"), done.stderr
    done = bank(folder, "remove", "--bank=a.bank", "--domains=toons")
    assert done.code == 0, done.stderr
    done = bank(folder, "list", "--bank=a.bank")
    assert done.code == 0, done.stderr
    *rows, last = [line.split() for line in done.stdout.splitlines()]
    assert rows[0] == ["domain", "method", "pictures", "truncation", "numbers"]
    assert [row[:2] for row in rows[1:]] == [["0", "source"], ["1", "elves"], ["2", "robots"]]
    # A scale and a shift of 8 channels, and 5 pictures' Gaussian of 8 numbers.
    assert rows[2][2:] == ["bsa", "5", "1.5", "56"]
    size = (folder / "a.bank").stat().st_size
    assert " ".join(last) == f"source.npz (dcgan), {size:,} bytes"
    loaded = DomainBank.load(folder / "a.bank", folder / "source.npz")
    assert loaded.names == ["source", "elves", "robots"]
    flags = ["--bank=a.bank", "--domains=robots,source", "--n=3", "--seed=1", "--out=grid.png"]
    done = bank(folder, "sample", *flags)
    assert (done.code, done.stdout) == (0, "grid.png\n"), done.stderr
    grid = np.asarray(Image.open(folder / "grid.png"))
    expected = image_grid(np.concatenate([loaded.sample(3, 1, d) for d in (2, 0)]), columns=3)
    assert np.abs(grid.astype(int) - expected).max() <= 1


def test_it_is_exported_with_what_it_refuses_beside_it(folder):
    done = bank(folder, "add", "--bank=b.bank", "--adapters=runs/toons,runs/cats")
    assert done.code == 2
    assert "'cats' (ewc) changes weights that all pictures of a batch share" in done.error
    assert "--beside" in done.error
    assert not (folder / "b.bank").exists()
    assert bank(folder, "add", "--bank=b.bank", "--adapters=runs/toons").code == 0
    done = bank(folder, "export", "--bank=b.bank", "--out=serving/drawn", "--beside=runs/cats")
    assert done.code == 0, done.stderr
    assert done.stdout == "serving/drawn/1\nserving/models.config\n"
    assert (folder / "serving" / "cats" / "1" / "saved_model.pb").exists()
    text = (folder / "serving" / "models.config").read_text()
    assert f'base_path: "{folder.resolve()}/serving/cats"' in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--bank=a.bank"], "Say what to do: tf-fewshot bank ACTION. Known: add,"),
        (["ad", "--bank=a.bank"], "Unknown action 'ad'. Did you mean 'add'?"),
        (["add"], "--bank is missing"),
        (["add", "--bank=n.bank"], "--adapters is missing"),
        (["remove", "--bank=n.bank"], "--domains is missing"),
        (["export", "--bank=n.bank"], "--out is missing"),
        (["sample", "--bank=n.bank", "--out=a.jpg"], "--out is missing: the .png"),
        (["list", "--bank=n.bank"], "Cannot read n.bank"),
        (["list", "--bank=source.npz"], "source.npz is damaged or not a file of tf_fewshot"),
        (["add", "--bank=n.bank", "--adapters=none"], "Cannot read none"),
        (["add", "--bank=n.bank", "--adapters=a=runs/toons,a=runs/elfs"], "a domain 'a' already"),
    ],
)
def test_what_cannot_be_done_is_one_line(folder, arguments, message):
    done = bank(folder, *arguments)
    assert done.code == 2
    assert message in done.error
    assert not (folder / "n.bank").exists()
