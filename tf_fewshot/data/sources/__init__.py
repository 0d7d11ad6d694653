"""Where pictures come from: each kind of place lists its pictures, and opens one when asked to."""

from .entries import Entry, Source
from .opening import open_source

__all__ = ["Entry", "Source", "open_source"]
