"""What StyleGAN, StyleGAN2 and StyleGAN3 share."""
