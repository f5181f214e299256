"""Files that last: artifacts with their keys, records, locks, digests of code and data."""
