"""Photograph the top of the default study's report for the README: docs/images/report.png.

    python workflow/scripts/report_screenshot.py

It needs a Chromium (apt-get install chromium) and the report, which ``snakemake --cores 4 all`` makes.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

REPORT = Path("results/digits/report.html")
FIGURE = Path("docs/images/report.png")
WINDOW = "1440,780"  # pixels of the page: sentences, ranking and forest plot
SCALE = 0.834  # to an image 1200 pixels wide
PATIENCE = 5000  # milliseconds for the charts
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")

if __name__ == "__main__":
    browser = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if browser is None or not REPORT.exists():
        sys.exit(f"report_screenshot: needs a Chromium and {REPORT}: snakemake --cores 4 all")
    with tempfile.TemporaryDirectory() as profile:
        options = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--hide-scrollbars",
            f"--user-data-dir={profile}",
            f"--window-size={WINDOW}",
            f"--force-device-scale-factor={SCALE}",
            f"--virtual-time-budget={PATIENCE}",
            f"--screenshot={FIGURE.absolute()}",
        ]
        command = [browser, *options, REPORT.absolute().as_uri()]
        subprocess.run(command, check=True, timeout=120, stderr=subprocess.DEVNULL)
    print(f"wrote {FIGURE}")
