"""What we can do: the engine of λ-Studio. No database and no terminal, but for `studio` and its `workflows`."""
