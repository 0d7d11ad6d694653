"""Serves exported generators as TF-Serving does, with a gallery to look at, for development.

    tf-fewshot export --adapter=runs/mine/adapter --out=serving/mine
    tf-fewshot serve --models=serving

Then http://127.0.0.1:8501/ is the gallery; gRPC is at port 8500 and REST below
http://127.0.0.1:8501/v1/models/mine, both as tensorflow_model_server speaks them. --models is the
folder of one model (its versions 1/, 2/, …) or a folder of such; --config is TF-Serving's
models.config. New versions are loaded as they appear, and replace the old ones.

It needs the extra "serving": pip install 'tf-fewshot[serving]'. Ctrl+C or SIGTERM end it when the
requests that run are answered.
"""

from __future__ import annotations

import importlib.util
import logging
import signal
import sys
import threading
import time

from absl import flags

from .startup import load_tensorflow

_MODELS = flags.DEFINE_string("models", None, "Folder of a model's versions, or of models.")
_CONFIG = flags.DEFINE_string("config", None, "TF-Serving's models.config, instead of --models.")
_HOST = flags.DEFINE_string("host", "127.0.0.1", "Address to listen at; 0.0.0.0 is all.")
_PORT = flags.DEFINE_integer("port", 8500, "Of gRPC; 0 takes a free one.", 0, 65535)
_REST_PORT = flags.DEFINE_integer("rest_port", 8501, "Of REST and the gallery.", 0, 65535)
_ROWS = flags.DEFINE_integer("max_batch_size", 64, "Most rows of a request.", lower_bound=1)
_MEGABYTES = flags.DEFINE_float("max_megabytes", 16.0, "Largest request.", lower_bound=0.001)
_SECONDS = flags.DEFINE_float("timeout", 60.0, "Seconds a request may take.", lower_bound=0.001)
_PARALLEL = flags.DEFINE_integer("parallel", None, "Requests at once; one a core.", lower_bound=1)
_POLL = flags.DEFINE_float("poll", 1.0, "Seconds between looks for versions.", lower_bound=0.01)
_NEEDS = {
    "tensorflow_serving": "tensorflow-serving-api",
    "waitress": "waitress",
    "werkzeug": "werkzeug",
}
_EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104


def main() -> None:
    from tf_fewshot.errors import UserError

    if bool(_MODELS.value) == bool(_CONFIG.value):
        raise UserError("Give --models=FOLDER, or --config=FILE (TF-Serving's models.config).")
    missing = [name for module, name in _NEEDS.items() if not importlib.util.find_spec(module)]
    if missing:
        raise UserError(f"Serving needs {', '.join(missing)}: pip install 'tf-fewshot[serving]'.")
    begun = time.perf_counter()
    load_tensorflow()
    imported = time.perf_counter() - begun
    logging.getLogger("tf_fewshot.serving").setLevel(logging.INFO)
    _serve(begun, imported)


def _serve(begun: float, imported: float) -> None:
    from tf_fewshot import serving

    if _CONFIG.value:
        models = serving.models_of_file(_CONFIG.value)
    else:
        models = serving.models_of_folder(_MODELS.value or "")
    limits = serving.Limits(
        rows=_ROWS.value,
        megabytes=_MEGABYTES.value,
        seconds=_SECONDS.value,
        running=_PARALLEL.value,
    )
    server = serving.Server(
        models,
        host=_HOST.value,
        port=_PORT.value,
        rest_port=_REST_PORT.value,
        limits=limits,
        poll_seconds=_POLL.value,
    )
    over = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: over.set())
    if _HOST.value in _EVERYWHERE:
        print("Anyone who can reach this machine can ask it.", file=sys.stderr)
    with server:
        took = time.perf_counter() - begun
        print(f"Gallery and REST: {server.url}")
        print(f"gRPC:             {_HOST.value}:{server.port}")
        print(
            f"Ready after {took:.1f} s, of which {imported:.1f} s importing TensorFlow.", flush=True
        )
        over.wait()
        print("Stopping.", flush=True)
