"""Tables of numbers as CSV files with fixed bytes; ``taet.scores.summary.read_rows`` reads them."""

import pandas as pd

DIGITS = 6  # of shares in files of scores and tables


def csv_bytes(table: pd.DataFrame, digits: int | None = None) -> bytes:
    """Contents of a CSV file.

    Args:
        table: its rows; the index is left out.
        digits: behind the point of each floating-point number; None for as many as it has.
    """
    form = None if digits is None else f"%.{digits}f"
    return table.to_csv(index=False, float_format=form, lineterminator="\n").encode()
