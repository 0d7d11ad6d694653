"""Chooses, of a large folder, the pictures that go together in style.

    tf-fewshot select --data=many_pictures --n=25 --out=selected
    tf-fewshot select --data=many_pictures --like=my_pictures --n=25 --copy --out=selected

leaves selected/select.csv (rank, picture, style distance), a contact sheet select.png, and with
--copy the pictures themselves in selected/pictures, for --data of tf-fewshot adapt. Styles are
compared by Gram matrices of VGG16, as in Noguchi and Harada (ICCV 2019), supplement A.1. Without
--like it is the tightest group of that size.
"""

from __future__ import annotations

import sys

from absl import flags

from tf_fewshot.errors import UserError

from . import common
from .startup import load_tensorflow

_DATA = flags.DEFINE_string("data", None, "Pictures to choose from: a folder, a zip, …")
_N = flags.DEFINE_integer("n", 25, "How many are chosen.", lower_bound=1)
_LIKE = flags.DEFINE_string("like", None, "Pictures in whose style they shall be.")
_COPY = flags.DEFINE_boolean("copy", False, "Copy the pictures that are chosen.")
_SKIP = common.define_skip_bad()
_OUT = flags.DEFINE_string("out", None, "The folder that is written to.")


def main() -> None:
    if not _DATA.value:
        raise UserError("--data is missing: the pictures to choose from.")
    if not _OUT.value:
        raise UserError("--out is missing: the folder that is written to.")
    load_tensorflow()
    from tf_fewshot.analysis.pages import write_selection
    from tf_fewshot.analysis.progress import Bars

    found, notes = write_selection(
        _DATA.value,
        _OUT.value,
        _N.value,
        like=_LIKE.value,
        copy=_COPY.value,
        skip_bad=_SKIP.value,
        seed=common.SEED.value,
        progress=Bars(),
    )
    for note in notes:
        print(note, file=sys.stderr)
    print(f"{len(found.chosen)} of {len(found.chosen) + len(found.others)} pictures: {_OUT.value}")
