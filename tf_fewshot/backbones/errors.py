"""The error that backbones raise."""

from __future__ import annotations

from ..errors import UserError


class BackboneError(UserError):
    """What a backbone was asked for does not exist or does not fit."""
