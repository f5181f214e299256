"""taet: reproducible adversarial training on long-tailed image data."""
