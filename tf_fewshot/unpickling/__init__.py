"""Pickles and files of torch, read by a whitelist: no code in them is ever run."""
