"""params.yaml, checked and resolved; plugins are read without being run."""
