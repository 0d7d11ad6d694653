"""BigGANs from the modules of TensorFlow Hub."""
