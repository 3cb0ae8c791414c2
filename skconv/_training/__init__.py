"""Training: the loop, optimizers, schedules, losses, validation."""
