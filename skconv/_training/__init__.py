"""Training: the loop, its steps, optimizers, schedules, losses, validation."""
