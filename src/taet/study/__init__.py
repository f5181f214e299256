"""What is to be done, and what is done already: no numbers, no torch."""
