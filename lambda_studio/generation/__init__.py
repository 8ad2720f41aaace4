"""Draw prompts with subjects: name binding, conditioning, the prior, guidance and samplers."""
