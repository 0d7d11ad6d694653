"""Losses: adversarial, reconstruction and perceptual, latent prior, Fisher penalty."""
