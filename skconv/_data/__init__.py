"""What users pass to `fit`, as arrays for a network: inputs, targets, samples."""
