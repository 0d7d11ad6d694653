"""TF-Serving's REST interface, and the gallery, as a WSGI application."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Iterable
from typing import Any

from google.protobuf import json_format
from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.wrappers import Request, Response

from . import gallery
from .answering import Answering
from .arrays import inputs_of_json, json_of_outputs
from .messages import metadata_of, status_of
from .refusal import RefusedError, invalid

_LOG = logging.getLogger(__name__)
_MODEL = re.compile(
    r"/v1/models/(?P<name>[^/:]+)"
    r"(?:/versions/(?P<version>[^/:]+)|/labels/(?P<label>[^/:]+))?"
    r"(?P<what>/metadata|:[^/]*)?"
)
_LARGEST_VERSION = 2**63 - 1


class Application:
    """Answers HTTP.

    Args:
        answering: Answers requests to models.
    """

    def __init__(self, answering: Answering):
        self._answering = answering

    def __call__(self, environ: dict, start_response: Callable) -> Iterable[bytes]:
        request = Request(environ)
        try:
            response = self._respond(request)
        except RefusedError as error:
            response = _json({"error": error.message}, error.http)
            if error.http == 503:
                response.headers["Retry-After"] = "1"
        except HTTPException as error:
            response = _json({"error": error.description}, error.code or 400)
            if isinstance(error, MethodNotAllowed):
                response.headers["Allow"] = ", ".join(error.valid_methods or ())
        except Exception:
            # A fault of ours: its cause is for whoever runs the server.
            _LOG.exception("%s %s failed.", request.method, request.path)
            response = _json({"error": "The server failed; its log says why."}, 500)
        return response(environ, start_response)

    def _respond(self, request: Request) -> Response:
        page = gallery.PAGES.get(request.path)
        if page is not None:
            _only(request, "GET")
            return page(self._answering)
        match = _MODEL.fullmatch(request.path)
        if match is None:
            raise RefusedError(
                "NOT_FOUND",
                f"There is nothing at {request.path[:200]!r}. Models are at /v1/models/NAME "
                "(state), /v1/models/NAME/metadata and /v1/models/NAME:predict.",
            )
        name, label, what = match["name"], match["label"], match["what"]
        number = _number(match["version"])
        if what is None:
            _only(request, "GET")
            states = self._answering.models.states(name, number, label)
            return _json(_message(status_of(states)))
        if what == "/metadata":
            _only(request, "GET")
            with self._answering.models.version(name, number, label) as (found, version):
                return _json(_metadata(name, found, version.signatures))
        return self._call(request, what[1:], name, number, label)

    def _call(
        self, request: Request, verb: str, name: str, number: int | None, label: str | None
    ) -> Response:
        if verb in ("classify", "regress"):
            raise RefusedError("UNIMPLEMENTED", f"Generators do not {verb}: use :predict.")
        if verb != "predict":
            raise invalid(f"There is no verb {verb[:50]!r}: use :predict.")
        _only(request, "POST")
        body = _body(request)
        signature = body.get("signature_name", "")
        if not isinstance(signature, str):
            raise invalid("'signature_name' must be a string.")
        with self._answering.models.version(name, number, label) as (_, version):
            takes = version.signature(signature).inputs
            inputs, by_rows = inputs_of_json(body, takes)
            outputs = self._answering.run(version, signature, inputs)
        return _json(json_of_outputs(outputs, by_rows))


def _only(request: Request, method: str) -> None:
    if request.method != method and not (method == "GET" and request.method == "HEAD"):
        raise MethodNotAllowed(
            [method], f"{request.path[:200]} takes {method}, not {request.method[:20]}."
        )


def _body(request: Request) -> dict[str, Any]:
    try:
        # Whatever the content type: curl sends forms, and TF-Serving does not look.
        body = json.loads(request.get_data())
    except (ValueError, RecursionError) as error:
        raise invalid(f"The body is no JSON: {error}.") from error
    if not isinstance(body, dict):
        raise invalid("The body must be a JSON object with 'instances' or 'inputs'.")
    return body


def _number(text: str | None) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal() and int(text[:20]) <= _LARGEST_VERSION):
        raise invalid(f"A version is a whole number, not {text[:40]!r}.")
    return int(text)


def _metadata(name: str, number: int, signatures: Any) -> dict[str, Any]:
    return {
        "model_spec": {"name": name, "signature_name": "", "version": str(number)},
        "metadata": {"signature_def": _message(metadata_of(signatures))},
    }


def _message(message: Any) -> dict[str, Any]:
    return json_format.MessageToDict(
        message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )


def _json(value: Any, status: int = 200) -> Response:
    return Response(json.dumps(value), status, content_type="application/json")
