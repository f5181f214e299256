"""A network: normalisation, a backbone, a head."""
