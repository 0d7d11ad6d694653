"""The table of methods: every method is objective × trainable × latents × regularizers."""

from . import bsa, ewc, scratch, transfergan
from .method import Method, get, names, register

__all__ = ["Method", "bsa", "ewc", "get", "names", "register", "scratch", "transfergan"]
