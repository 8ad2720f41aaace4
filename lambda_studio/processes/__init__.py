"""Child processes: isolated from the current folder, without network, with few rights."""
