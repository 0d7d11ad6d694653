"""Model cards: names in them are no markup, their programs run, and edits stay."""

from __future__ import annotations

import ast
import json
import logging
import re
import runpy
from pathlib import Path

import keras
import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from PIL import Image

from tf_fewshot import backbones, weights
from tf_fewshot.adapted import load_adapter
from tf_fewshot.export import Adapter, export
from tf_fewshot.export.card import Card, Part
from tf_fewshot.export.loading import file_lines
from tf_fewshot.export.markdown import escaped, plain, python_string, table, yaml_header
from tf_fewshot.export.origin import public_name

from .conftest import TINY

HEADINGS = [
    "How to load it",
    "Source and licence",
    "Training",
    "What was measured",
    "Intended use",
    "Misuse, and how to tell",
]
# Those of https://huggingface.co/docs/hub/repositories-licenses that weights here have.
KNOWN_LICENCES = {"apache-2.0", "mit", "cc-by-nc-4.0", "other"}
HOSTILE = "x](http://evil.example)\n---\n# Gone `rm` <script> | *a* www.evil.example \u202e\ud800"
PROGRAM = [Part("A thing", "import numpy as np")]

markdown = MarkdownIt("commonmark").enable(["table", "strikethrough"])
anything = st.text(st.characters(exclude_categories=[]), max_size=30) | st.sampled_from(
    ["---", "www.a.b", "![a](b)", "a|b", "</p>", "\\`", "&amp;", "~~a~~", "\x85", "\ufeff", HOSTILE]
)


def tiny(**metadata) -> backbones.GAN:
    keras.utils.set_random_seed(0)
    gan = backbones.build("dcgan", **TINY["dcgan"])
    gan.source_metadata = metadata
    return gan


def adapter_of(gan: backbones.GAN, source: str = "tiny.npz", **settings) -> Adapter:
    moved = gan.clone()
    moved.generator.weights[0].assign_add(np.full(moved.generator.weights[0].shape, 0.1))
    settings = {"steps": 5, "pictures": 7, **settings}
    return Adapter.from_gans(gan, moved, method="ewc", source_name=source, settings=settings)


def read(text: str) -> tuple[dict, list]:
    """The header and the tokens of a card, by parsers of others."""
    _, header, body = text.split("---\n", 2)
    return yaml.safe_load(header), markdown.parse(body)


def inline(tokens) -> list:
    return [child for token in tokens for child in token.children or ()]


@given(anything)
def test_escaped_text_is_text(text):
    tokens = markdown.parse(f"a {escaped(text)} b")
    assert [t.type for t in tokens] == ["paragraph_open", "inline", "paragraph_close"]
    shown = inline(tokens)
    assert {t.type for t in shown} == {"text"}
    assert "".join(t.content for t in shown).split() == ["a", *plain(text).split(), "b"]


@given(st.lists(st.lists(anything, min_size=2, max_size=2), max_size=3))
def test_cells_stay_in_their_cells(rows):
    tokens = markdown.parse(table(["one", "two"], rows))
    cells = [t for t in tokens if t.type == "td_open"]
    assert len(cells) == 2 * len(rows)


@given(anything, st.lists(anything, max_size=3))
def test_headers_are_yaml(text, texts):
    header = yaml_header({"text": text, "texts": ["a", *texts]})
    lines = header.splitlines()
    assert (lines[0], lines[-1], lines[1:-1].count("---")) == ("---", "---", 0)
    expected = {"text": plain(text), "texts": ["a", *map(plain, texts)]}
    assert yaml.safe_load("\n".join(lines[1:-1])) == expected


@given(anything)
def test_literals_of_python(text):
    literal = python_string(text)
    assert ast.literal_eval(literal) == text
    assert literal.isascii() and literal.isprintable() and "`" not in literal


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("avataaars64", "avataaars64"),
        ("deepmind/biggan-256/2", "deepmind/biggan-256/2"),
        ("/home/me/deepmind/ffhq.pkl", "ffhq.pkl"),
        ("../secret/ffhq.pkl", "ffhq.pkl"),
        ("~/runs/mine/", "mine"),
        ("C:\\Users\\me\\ffhq.pkl", "ffhq.pkl"),
    ],
)
def test_names_for_strangers(name, expected):
    assert public_name(name) == expected


def test_what_users_name_is_no_markup():
    gan = tiny(licence=HOSTILE)
    adapter = adapter_of(gan, f"/home/me/{HOSTILE}.npz", note=HOSTILE, file="/home/me/secret.npz")
    record = {"metric": HOSTILE, "value": 1.5, "reference": f"/home/me/{HOSTILE}", "note": HOSTILE}
    lines = file_lines("onnx", f"{HOSTILE}.onnx", {"z": {"shape": ["N", 8]}})
    text = Card(gan, adapter, [record]).text(HOSTILE, [Part("ONNX file", lines, [HOSTILE])])
    assert "/home" not in text
    header, tokens = read(text)
    assert set(header) == {"library_name", "pipeline_tag", "license", "license_name", "tags"}
    assert header["tags"][-1] == plain(HOSTILE)
    headings = [tokens[i + 1].content for i, t in enumerate(tokens) if t.type == "heading_open"]
    assert headings == [escaped(HOSTILE), *HEADINGS]
    kinds = {token.type for token in inline(tokens)}
    assert kinds == {"text", "image", "code_inline"}
    images = [token.attrs["src"] for token in inline(tokens) if token.type == "image"]
    assert images == ["samples.png"]
    assert not any(token.type in ("html_block", "hr") for token in tokens)
    (program,) = (token.content for token in tokens if token.type == "fence")
    assert f"{HOSTILE}.onnx" in {
        node.value for node in ast.walk(ast.parse(program)) if isinstance(node, ast.Constant)
    }


def test_what_an_adapter_s_card_says():
    gan = tiny(licence="CC0-1.0")
    card = Card(gan, adapter_of(gan, lambda_ewc=5.0))
    header, _ = read(card.text("mine", PROGRAM))
    assert header == {
        "library_name": "tf-fewshot",
        "pipeline_tag": "unconditional-image-generation",
        "license": "other",
        "license_name": "source-and-pictures",
        "base_model": "tiny.npz",
        "tags": ["image-generation", "gan", "dcgan", "few-shot", "ewc"],
    }
    text = card.text("mine", PROGRAM)
    for part in (
        "16 × 16 pixels, made by tf-fewshot from the source tiny.npz and 7 pictures",
        "Elastic weight consolidation (EWC) (ewc)",
        "Licence of its weights: CC0-1.0.",
        "7 pictures, whose licence is not stated here",
        "| lambda\\_ewc | 5.0 |",
        "Nothing was measured",
        "was not measured: `tf-fewshot evaluate --metrics=detectability`",
    ):
        assert part in text, part
    records = [
        {"metric": "fid", "value": 45.19039, "std": None, "num_fake": 2000, "reference": "/a/b"},
        {"metric": "detectability", "value": 0.876, "std": 0.0123},
    ]
    text = Card(gan, adapter_of(gan), records).text("mine", PROGRAM)
    assert "| fid | 45.19 | 2000 | – | b | – | – |" in text
    assert "| detectability | 0.876 ± 0.0123 |" in text
    assert "average precision of 0.88" in text
    assert "Nothing was measured" not in text


@pytest.mark.parametrize("name", sorted(weights.PRESETS))
def test_presets_bring_their_licence(name):
    licence = weights.PRESETS[name].licence
    gan = tiny(name=name, licence=str(licence))
    header, _ = read(Card(gan).text(name, PROGRAM))
    assert header["license"] == licence.identifier
    assert header["license"] in KNOWN_LICENCES
    assert ("license_name" in header) == (licence.identifier == "other")
    assert header.get("license_link") == licence.link
    assert escaped(licence) in Card(gan).text(name, PROGRAM)
    if name.startswith("stylegan"):
        assert header["license"] in ("cc-by-nc-4.0", "other")


def test_a_licence_that_nobody_stated():
    text = Card(tiny()).text("a", PROGRAM)
    header, _ = read(text)
    assert (header["license"], header["license_name"]) == ("other", "unknown")
    assert "Source: not named. Licence of its weights: not stated" in text


def test_a_card_that_was_edited_stays(tmp_path, caplog):
    card = Card(tiny(), pictures=np.zeros((4, 16, 16, 3), np.uint8))
    assert card.write(tmp_path, "first", PROGRAM)
    assert card.write(tmp_path, "second", PROGRAM)
    path = tmp_path / "README.md"
    written = path.read_text("utf-8")
    assert "# second" in written
    for edited in (written.replace("# second", "# mine"), "# Mine\n", written + "More.\n", ""):
        path.write_text(edited, "utf-8")
        with caplog.at_level(logging.WARNING):
            assert not card.write(tmp_path, "third", PROGRAM)
        assert path.read_text("utf-8") == edited
    assert "is left as it is" in caplog.text


def programs(folder: Path) -> list[str]:
    _, tokens = read((folder / "README.md").read_text("utf-8"))
    return [token.content for token in tokens if token.type == "fence"]


def run(program: str, folder: Path, monkeypatch) -> dict:
    """What a reader's Python knows after the lines of a card."""
    monkeypatch.chdir(folder)
    (folder / "card.py").write_text(program, "utf-8")
    return runpy.run_path("card.py")


def test_the_program_of_an_adapter_runs(tmp_path, monkeypatch):
    gan = tiny(name="tiny.npz")
    weights.save_gan(gan, tmp_path / "tiny.npz")
    adapter_of(gan, str(tmp_path / "tiny.npz")).save(tmp_path / "adapter.npz")
    adapted = load_adapter(tmp_path, tmp_path / "tiny.npz")
    assert adapted.write_card(tmp_path, "mine")
    (program,) = programs(tmp_path)
    pictures = run(program, tmp_path, monkeypatch)["pictures"]
    np.testing.assert_array_equal(pictures, adapted.sample(16, seed=0))
    with Image.open(tmp_path / "samples.png") as samples:
        assert samples.size == (4 * 18 + 2, 4 * 18 + 2)
    assert str(tmp_path) not in (tmp_path / "README.md").read_text("utf-8")


def test_the_programs_of_exports_run(tmp_path, monkeypatch):
    gan = tiny(name="tiny.npz", licence="CC0")
    folder = tmp_path / "mine"
    export(gan, folder, "keras")
    assert len(programs(folder)) == 1
    for kind, package in (("onnx", "tf2onnx"), ("litert", "ai_edge_litert")):
        pytest.importorskip(package, reason=f"needs the extra {kind}")
        export(gan, folder, kind)
    # A file of another generator is not told of.
    (folder / "mine.keras").write_bytes(b"")
    export(gan, folder, "onnx")
    told = programs(folder)
    assert len(told) == 2
    levels = [run(program, folder, monkeypatch)["levels"] for program in told]
    assert (levels[0].shape, levels[0].dtype) == ((4, 16, 16, 3), np.uint8)
    assert np.abs(levels[0].astype(int) - levels[1]).max() <= 1
    header, _ = read((folder / "README.md").read_text("utf-8"))
    assert header["tags"][-2:] == ["onnx", "tflite"]


def test_a_saved_model_has_its_card(tmp_path, monkeypatch):
    version = export(tiny(), tmp_path / "served").path
    (program,) = programs(version)
    run(program, version, monkeypatch)
    with Image.open(version / "sample.png") as sample:
        assert sample.size == (16, 16)
    assert re.search(r"^# served$", (version / "README.md").read_text("utf-8"), re.M)
    assert json.loads((version / "assets.extra" / "tf_fewshot.json").read_text())
