"""What StyleGAN and StyleGAN2 share."""
