"""What the readers of foreign formats share: names, shapes, and filling a GAN."""
