"""The table of methods: every method is objective × trainable × latents × regularizers."""

from . import (
    adam,
    bsa,
    bsa_biggan,
    cdc,
    encoder_generator,
    ewc,
    freezed,
    minegan,
    nst,
    scratch,
    transfergan,
    transfergan_scale_shift,
    update,
)
from .method import Method, get, names, register

__all__ = [
    "Method",
    "adam",
    "bsa",
    "bsa_biggan",
    "cdc",
    "encoder_generator",
    "ewc",
    "freezed",
    "get",
    "minegan",
    "names",
    "nst",
    "register",
    "scratch",
    "transfergan",
    "transfergan_scale_shift",
    "update",
]
