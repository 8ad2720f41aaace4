"""What moves the weights: the optimiser, its learning rate over time, the moving average."""
