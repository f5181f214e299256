"""The command line: one command per stage, and those for a whole study, a model or the parameters."""
