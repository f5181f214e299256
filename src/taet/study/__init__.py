"""Planning, doing and storing the jobs of a study: no numbers, no torch."""
