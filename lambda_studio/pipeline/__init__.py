"""The λ prior as a pipeline of diffusers."""
