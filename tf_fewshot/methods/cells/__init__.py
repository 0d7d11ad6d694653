"""The cells of the table of methods: objectives, trainables, latents and regularizers."""
