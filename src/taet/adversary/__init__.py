"""The parts of attacks, and the evaluation of a model under attack."""
