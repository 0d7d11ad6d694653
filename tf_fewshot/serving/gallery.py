"""The gallery: a page that draws from the models of a server, by its own REST interface."""

from __future__ import annotations

import importlib.resources
import json
from collections.abc import Callable, Mapping
from typing import Any

from werkzeug.wrappers import Response

from .answering import Answering
from .refusal import RefusedError
from .version import LoadedVersion

_PNG, _MORPH = "png", "morph_png"
_HEADERS = {
    # Nothing but what this server sends is loaded or run.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data: blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


def models_to_draw(answering: Answering) -> list[dict[str, Any]]:
    """Returns what the page must know of each model that draws PNG files from seeds.

    Returns:
        Of each: ``name``, ``version``, ``classes`` (0 if there are none), ``domains`` (names by
        number, empty without), ``truncation`` (the default), ``no_truncation``, ``morphs``
        (whether domains can be mixed), ``size`` (height and width) and ``rows``, the largest
        batch.
    """
    models = []
    for name in answering.models.names:
        try:
            with answering.models.version(name) as (number, version):
                if _PNG in version.signatures:
                    models.append({"name": name, "version": number, **_described(version)})
        except RefusedError:
            # It has no version that can be asked at this moment.
            continue
    return models


def _described(version: LoadedVersion) -> dict[str, Any]:
    said: Mapping[str, Any] = version.metadata
    takes = version.signatures[_PNG].inputs
    return {
        "classes": int(said.get("num_classes") or 1) if "label" in takes else 0,
        "domains": [str(name) for name in said.get("domains", [])] if "domain" in takes else [],
        "truncation": said.get("default_truncation", 1.0),
        "no_truncation": said.get("no_truncation", 1.0),
        "morphs": _MORPH in version.signatures,
        "size": list(said.get("image_shape", []))[:2],
        "rows": version.most_rows,
    }


def _models(answering: Answering) -> Response:
    body = json.dumps({"models": models_to_draw(answering)})
    return Response(body, content_type="application/json", headers=_HEADERS)


def _file(name: str, kind: str) -> Callable[[Answering], Response]:
    def page(answering: Answering) -> Response:
        del answering
        text = importlib.resources.files(str(__package__)).joinpath("page", name).read_bytes()
        return Response(text, content_type=f"{kind}; charset=utf-8", headers=_HEADERS)

    return page


PAGES: dict[str, Callable[[Answering], Response]] = {
    "/": _file("gallery.html", "text/html"),
    "/gallery.css": _file("gallery.css", "text/css"),
    "/gallery.js": _file("gallery.js", "text/javascript"),
    "/gallery.json": _models,
}
