"""From predictions to numbers with intervals, without torch."""
