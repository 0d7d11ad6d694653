"""StyleGANs from the pickles of NVIDIA."""
