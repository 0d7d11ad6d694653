"""Banks on their way to a server, with what no bank can hold beside them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from ..adapted import Adapted, load_adapter
from ..errors import UserError
from ..export import export_saved_model
from ..export.card import Card
from ..export.publishing import check_pictures, check_target, published
from .endpoints import BankEndpoints
from .server_files import check_server_files, write_server_files


def export_bank(
    served: BankEndpoints,
    directory: str | os.PathLike,
    version: int | None = None,
    beside: Mapping[str, Adapted | str | os.PathLike] | None = None,
    root: str | None = None,
    tolerance: float = 1e-4,
) -> Path:
    """Writes ``directory/<version>/`` for TF-Serving, checked with its loaders.

    The signatures, whose rows depend on their own inputs alone:

    - ``serving_default``: ``z`` float32 ``[N, latent_dim]``, ``domain`` int32 ``[N]`` and
      ``truncation`` float32 ``[N]`` to ``images`` float32 ``[N, H, W, C]`` in [-1, 1];
    - ``generate_from_seed``: ``seed`` int64 ``[N]``, ``domain`` and ``truncation`` to
      ``images``;
    - ``png``: the same inputs to ``images_bytes``, a PNG file a row;
    - ``morph``: ``seed``, ``weights`` float32 ``[N, D]`` over all domains, the source first,
      and ``truncation`` to ``images``;
    - ``morph_png``: the same inputs to ``images_bytes``.

    With a source of classes each takes ``label`` int32 ``[N]``, too. A domain or class that
    there is not, and weights that do not add up to 1, are errors of the request.
    ``assets.extra/tf_fewshot.json`` says what it says of any export, and "domains", the names
    by number. Beside ``directory`` there are ``models.config``, with every model there, and
    ``batching.config`` for the server.

    Args:
        served: The bank.
        directory: Its last part is the name that the bank is served under.
        version: A positive integer; by default one more than the largest there.
        beside: Adapters that no bank can hold, by the names under which they are served, each
            a model of its own beside ``directory``.
        root: Where the server will see the folder of ``directory``; by default where it is.
        tolerance: Largest absolute difference from eager output that is accepted.

    Returns:
        The directory of the version.

    Raises:
        UserError: if there are no domains, it cannot be written, the version exists, or a
            check fails. Of what failed nothing is left behind then.
    """
    if len(served.names) < 2:
        raise UserError(
            "This bank has no domains yet: add adapters to it, or export its source alone."
        )
    directory, beside = Path(directory), beside or {}
    check_pictures(served.gan)
    check_target(directory, version)
    check_server_files(directory.parent)
    for name in beside:
        if name == directory.name:
            raise UserError(f"Two models would be called {name!r}: name one otherwise.")
        if name in ("", ".", "..") or Path(name).name != name:
            raise UserError(f"A model cannot be called {name!r}: its name is that of a folder.")
    for name, adapter in beside.items():
        adapted = adapter if isinstance(adapter, Adapted) else load_adapter(adapter)
        place = directory.parent / name
        card = Card(adapted.gan, adapted.adapter)
        export_saved_model(
            adapted.gan, place, adapter=adapted.adapter, tolerance=tolerance, card=card
        )

    def write_card(folder: Path) -> None:
        served.write_card(folder, directory.resolve().name)

    place = published(served, directory, version, tolerance, write_card)
    write_server_files(directory.parent, root)
    return place
