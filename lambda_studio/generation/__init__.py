"""From a prompt with subjects to pictures: binding names, conditioning, the prior, the sampler."""
