"""Makes this project's layers known to Keras, without making the import of the package heavy.

``keras.models.load_model`` finds classes that are registered, and they are when their modules are
imported. That takes Keras and TensorFlow; so it is done as soon as somebody else has imported
these.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys
from types import ModuleType

_PACKAGE = "tf_fewshot"
# With it come the layers that its networks consist of.
_REGISTERING = f"{_PACKAGE}.backbones"


def register_with_keras() -> None:
    """Registers the layers now if Keras has been imported, else once it is."""
    if "keras" in sys.modules:
        _register()
    elif not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())


def _register() -> None:
    ours = (m for name, m in list(sys.modules.items()) if name.startswith(f"{_PACKAGE}."))
    # A module of ours that is half imported asks for Keras itself, and brings what it needs.
    if not any(getattr(m.__spec__, "_initializing", False) for m in ours):
        importlib.import_module(_REGISTERING)


class _Finder(importlib.abc.MetaPathFinder):
    """Finds Keras, once, and where it really is."""

    def find_spec(self, fullname, path=None, target=None):
        if fullname != "keras":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(fullname)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader)
        return spec


class _Loader(importlib.abc.Loader):
    """Loads Keras as its own loader does, and registers the layers then."""

    def __init__(self, loader):
        self._loader = loader

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        # What is asked of the module's loader later is asked of its own.
        module.__loader__ = self._loader
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        self._loader.exec_module(module)
        _register()
