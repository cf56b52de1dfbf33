"""The parts of the one training loop: the rate, batches, augmentation, what learns, checkpoints, precision."""
