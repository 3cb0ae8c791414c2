"""What users bring, as arrays for a network: inputs, targets, samples, batches."""
