"""What makes numbers fast and changes none: devices, batches, folding, graphs."""
