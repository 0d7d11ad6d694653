"""The pages of the documentation: their length, links, flags, and the numbers in their tables."""

from __future__ import annotations

import functools
import json
import re
import statistics
from collections import defaultdict
from pathlib import Path

import pytest

from tf_fewshot.tools.main import COMMANDS

from . import doc_pages
from .doc_pages import ROOT
from .processes import forks

# Flags of other programs that the pages name.
_OF_OTHERS = {"--flagfile"}
_METHOD_NAMES = "from tf_fewshot import methods; print(*methods.names())"
# What tables call the methods, where it is not their title in lower case.
_METHODS = {
    "transfergan (fine-tuning)": "transfergan",
    "from scratch": "scratch",
    "encoder-generator": "encoder_generator",
    "training pictures, repeated": "(training pictures)",
    "the ten pictures, repeated": "(training pictures)",
    "unseen pictures": "(unseen pictures)",
}


def test_the_readme_is_short():
    assert len(doc_pages.text_of("README.md").splitlines()) <= 150


@pytest.mark.parametrize("page", [*doc_pages.pages(), "ARCHITECTURE.md"])
def test_links_lead_somewhere(page):
    for link in doc_pages.links(page):
        if re.match(r"https?://", link):
            continue
        path, _, anchor = link.partition("#")
        target = (ROOT / page).parent.joinpath(path).resolve() if path else ROOT / page
        assert target.exists(), f"{page} links to {link}"
        if anchor:
            name = target.relative_to(ROOT).as_posix()
            assert anchor in doc_pages.anchors(name), f"{page} links to {link}"


def test_every_page_is_reached_from_the_readme():
    reached, waiting = set(), ["README.md"]
    while waiting:
        page = waiting.pop()
        reached.add(page)
        for link in doc_pages.links(page):
            path = link.partition("#")[0]
            target = (ROOT / page).parent.joinpath(path).resolve()
            if path.endswith(".md") and target.is_file():
                name = target.relative_to(ROOT).as_posix()
                waiting += [name] if name not in reached else []
    assert set(doc_pages.pages()) <= reached
    index = {Path("docs", link).as_posix() for link in doc_pages.links("docs/index.md")}
    pages = {page for page in doc_pages.pages() if page.startswith("docs/")}
    assert pages - {"docs/index.md"} <= index


@functools.cache
def flags_of(name: str) -> set[str]:
    """The flags of a command, without their dashes, as its help lists them."""
    done = forks().command(name, "--help", cwd=ROOT)
    assert done.code == 0, done.stderr
    return set(re.findall(r"^  --(\w+): ", done.stdout, re.M))


@functools.cache
def settings_names() -> set[str]:
    """The names of the settings of all methods and of pretraining, as the command lists them."""
    methods = forks().python(_METHOD_NAMES, cwd=ROOT).stdout.split()
    assert len(methods) > 10
    names: set[str] = set()
    for method in [*methods, "pretrain"]:
        done = forks().command("methods", method, cwd=ROOT)
        assert done.code == 0, done.stderr
        names |= set(re.findall(r"^ +--(\w+)\b", done.stdout, re.M))
    return names


@pytest.mark.parametrize("page", doc_pages.pages())
def test_flags_and_commands_within_sentences_exist(page):
    for span in doc_pages.spans(page):
        words = span.split()
        of_command = words[0] == "tf-fewshot" and len(words) > 1
        if of_command:
            assert words[1] in {*COMMANDS, "COMMAND"}, f"{page}: {span}"
        for flag in re.findall(r"--[a-z]\w*(?:\.\w+)?", span):
            name = flag.removeprefix("--").removeprefix("config.")
            known = settings_names() | {"FIELD", "SETTING", "help"}
            for tool in [words[1]] if of_command and words[1] in COMMANDS else COMMANDS:
                known |= flags_of(tool)
            assert name in known or flag in _OF_OTHERS, f"{page}: {span}"


Values = dict[tuple[str, str], dict[str, list[float]]]
# Where the trials are of a row that is of other trials than its table.
_LATER = {
    "collage from drawings64": "collage-drawings",
    "collage (seed 0)": "collage-colours",
    "collage from avataaars64 (seed 0)": "collage-colours",
    "the same, --colours=0": "collage",
    "collage, colours=0": "collage",
}


@functools.cache
def measured(folder: str) -> Values:
    """The values of a comparison by method and target, then by metric, one a seed."""
    values: Values = defaultdict(lambda: defaultdict(list))
    for file in ("results.jsonl", "pictures.jsonl"):
        for line in (ROOT / "benchmarks" / folder / file).read_text("utf-8").splitlines():
            trial = json.loads(line)
            for record in trial["metrics"]:
                values[trial["method"], trial["target"]][record["metric"]].append(record["value"])
    return values


def close(text: str, value: float) -> bool:
    """Whether a number is the value, rounded to as many digits as it has."""
    digits = len(text.partition(".")[2])
    return abs(float(text) - value) <= 0.5001 * 10.0**-digits


@pytest.mark.parametrize(
    ("page", "number", "folder", "metrics"),
    [
        ("README.md", 0, "ten-pictures", ("fid", "intra_lpips")),
        ("docs/comparisons.md", 0, "ten-pictures", ("fid", "intra_lpips")),
        ("docs/comparisons.md", 1, "twenty-five-pictures", ("fid", "kmmd")),
    ],
)
def test_tables_hold_what_was_measured(page, number, folder, metrics):
    header = ["method", "adventurer", "fun-emoji", "toon-head"]
    _, *rows = [table for table in doc_pages.tables(page) if table[0] == header][number]
    assert len(rows) > 5
    for title, *cells in rows:
        name = title.replace("`", "").lower()
        for target, cell in zip(header[1:], cells, strict=True):
            # Of what came later there is a comparison of its own.
            measurements = measured(_LATER.get(name, folder))
            method = "collage" if name in _LATER else _METHODS.get(name, name.replace(" ", "_"))
            known = measurements[method, target]
            for metric, text in zip(metrics, cell.split(" / "), strict=True):
                mean, _, spread = text.partition(" ± ")
                assert close(mean, statistics.mean(known[metric])), f"{title}, {target}: {text}"
                if spread:
                    assert close(spread, statistics.stdev(known[metric])), f"{title}: {text}"
