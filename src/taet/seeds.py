"""Independent random streams, named by their purpose.

A stream depends on its names alone, never on the method, on what ran before or on how often a run
was interrupted. So comparisons between methods are paired, and a resumed run draws the same numbers as
an uninterrupted one.
"""

import hashlib


def seed_for(*names: str | int) -> int:
    """A 63-bit seed for the stream with these names."""
    text = "/".join(map(str, names))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1
