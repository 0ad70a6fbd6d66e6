"""Small parts of the training loop: checkpoints, optimisers, calibration, logs, several processes."""
