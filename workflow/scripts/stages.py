"""Draw the stages of the default study in their order: docs/images/stages.svg.

python workflow/scripts/stages.py
"""

from pathlib import Path

from taet import grid, params, report

PICTURE = Path("docs/images/stages.svg")

if __name__ == "__main__":
    PICTURE.write_text(report.stages_picture(grid.Study(params.load())), encoding="utf-8")
