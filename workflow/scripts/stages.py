"""Draw the stages of the default study in their order: docs/images/stages.svg.

python workflow/scripts/stages.py
"""

from pathlib import Path

from taet.report.page import stages_diagram
from taet.study.params.load import load_params
from taet.study.plan.study import Study

FIGURE = Path("docs/images/stages.svg")

if __name__ == "__main__":
    FIGURE.write_text(stages_diagram(Study(load_params())), encoding="utf-8")
