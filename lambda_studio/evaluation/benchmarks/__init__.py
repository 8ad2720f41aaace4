"""What benchmarks of subjects ask for: their files' formats, prompts and compositions, as plain values."""
