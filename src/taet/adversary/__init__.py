"""What attacks are made of, and the evaluation of a model under them."""
