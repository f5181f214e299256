"""Images from their files to batches: verified, long-tailed, augmented."""
