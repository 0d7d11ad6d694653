"""Where a generator is from, told to strangers: no path of the machine that it was made on."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .._version import __version__
from ..backbones import GAN
from ..weights.hub.modules import is_hub_handle
from .adapter import Adapter

_ABSOLUTE = re.compile(r"^(?:[/\\~]|[A-Za-z]:[/\\])")


def public_name(name: str) -> str:
    """The name of a preset, of a published module, or the last part of a path."""
    if is_hub_handle(name) and not _ABSOLUTE.match(name):
        return name
    parts = [part for part in re.split(r"[/\\]", name) if part not in ("", ".", "..")]
    return parts[-1] if parts else name


def public_path(path: str) -> str:
    """The last part of an absolute path; what else there is stays."""
    return public_name(path) if _ABSOLUTE.match(path) else path


def public_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings, with absolute paths cut to their last part."""
    return {name: _public(value) for name, value in settings.items()}


def _public(value: Any) -> Any:
    if isinstance(value, str):
        return public_path(value)
    if isinstance(value, Mapping):
        return public_settings(value)
    if isinstance(value, list | tuple):
        return [_public(item) for item in value]
    return value


def origin_of(gan: GAN, adapter: Adapter | None) -> dict[str, Any]:
    """What made a generator, as JSON: architecture, source and its licence, method, settings."""
    name = adapter.source if adapter else gan.source_metadata.get("name")
    return {
        "tf_fewshot": __version__,
        "architecture": gan.architecture,
        "fingerprint": gan.fingerprint("generator"),
        "source": None if name is None else public_name(str(name)),
        "source_fingerprint": adapter.source_fingerprint if adapter else None,
        "source_licence": gan.source_metadata.get("licence"),
        "method": adapter.method if adapter else None,
        "settings": public_settings(adapter.settings) if adapter else {},
    }
