"""Fine-tune a decoder on concepts."""
