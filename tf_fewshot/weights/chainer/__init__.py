"""SNGANs from the files of Chainer."""
