"""Every job of a study: its cell, parameters, inputs, files and key."""
