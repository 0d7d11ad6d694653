"""The table of methods: every method is objective × trainable × latents × regularizers."""

from . import scratch, transfergan
from .method import Method, get, names, register

__all__ = ["Method", "get", "names", "register", "scratch", "transfergan"]
