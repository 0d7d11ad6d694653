"""Ten thousand damaged files of all formats: each is read, or refused in one line.

None ends the process, takes more than ten seconds, runs anything or writes elsewhere.
"""

from __future__ import annotations

import json

import pytest

from .processes import forks

# Named here, so that collecting tests does not wait for all that makes these files.
FORMATS = (
    *("picture png", "picture png palette", "picture jpeg", "picture jpeg cmyk", "picture webp"),
    *("picture gif", "picture bmp", "picture tiff"),
    *("pictures zip", "pictures npz", "pictures npy", "pictures tfrecord"),
    *("bundle", "stylegan", "stylegan2", "stylegan2-ada", "stylegan2 zip", "stylegan2 legacy"),
    *("stylegan2 safetensors", "stylegan3", "progan"),
    *("biggan zip", "biggan legacy", "biggan safetensors", "chainer"),
    *("biggan module", "biggan module index", "progan module"),
    *("detector", "adapter", "bank", "run config", "run stats", "run metric", "checkpoint"),
)
COUNT, SEED = 10_000 // len(FORMATS) + 1, 0
CODE = (
    "import sys; from pathlib import Path; sys.path.insert(0, sys.argv[1])\n"
    "from tests.mutation import try_all\n"
    "try_all(sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5]))"
)


@pytest.mark.large
@pytest.mark.parametrize("name", FORMATS)
def test_damaged_files_end_in_a_result_or_in_one_line(name, tmp_path):
    root = str(__file__).rpartition("/tests/")[0]
    (tmp_path / "cache").mkdir()
    arguments, cache = (root, name, tmp_path, COUNT, SEED), str(tmp_path / "cache")
    done = forks().python(CODE, *arguments, cwd=tmp_path, TF_FEWSHOT_CACHE=cache)
    reached = (tmp_path / "progress").read_text().splitlines()[-1:]
    assert done.code == 0, f"file {reached}: {done.code} {done.stderr[-2000:]}"
    result = json.loads((tmp_path / "result").read_text())
    assert result["wrong"] == []
    assert len(list((tmp_path / "cache").iterdir())) <= 1


def test_every_format_is_tried():
    from . import mutation

    assert sorted(mutation.FORMATS) == sorted(FORMATS)
