"""Characters that every LaTeX and the fonts of figures print."""

LAST_CHARACTER = 0xFF  # of Latin-1
