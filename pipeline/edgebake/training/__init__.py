"""Training: the loop, batches, augmentation, learning rate, checkpoints and distillation."""
