"""The functions for Python users, which the package ``taet`` exports."""
