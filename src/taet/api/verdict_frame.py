"""Verdicts of attacks as a data frame: a row for each attack and scope."""

from collections.abc import Mapping, Sequence

import pandas as pd

from taet.adversary.evaluation import Evaluation
from taet.api.frame import score_frame
from taet.api.images import TestSet
from taet.scores import notes
from taet.scores.metrics import scores, worst_case
from taet.threat import in_linf_ball

WORST = "worst of these"


def verdict_frame(
    evaluation: Evaluation,
    test: TestSet,
    labels: Mapping[str, str],
    eps: float,
    confidence: float,
    train_counts: list[int] | None,
    groups: Mapping[str, Sequence[int]],
) -> pd.DataFrame:
    """The table of ``taet.api.functions.evaluate``."""
    y, verdicts = test.y.numpy(), evaluation.verdicts
    predictions = {"clean": evaluation.clean.numpy()}
    predictions |= {name: verdict.prediction.numpy() for name, verdict in verdicts.items()}
    facts = {name: (v.norm, v.eps, v.warnings) for name, v in verdicts.items()}
    facts["clean"] = (None, None, evaluation.warnings)
    inside = [name for name, v in verdicts.items() if in_linf_ball(v.norm, v.eps, eps)]
    if len(inside) > 1:
        predictions[WORST] = worst_case([predictions[name] for name in inside], y)
        warnings = dict.fromkeys(w for name in inside for w in verdicts[name].warnings)
        facts[WORST] = ("linf", eps, tuple(warnings))
    distances = {name: verdict.distance.numpy() for name, verdict in verdicts.items()}
    counts = train_counts or [0] * len(test.class_names)
    rows = scores(predictions, distances, y, counts, test.class_names, groups)
    frame = score_frame(rows, confidence, with_training=train_counts is not None)
    frame.insert(1, "label", [labels.get(name, name) for name in frame["attack"]])
    frame["norm"] = [facts[name][0] for name in frame["attack"]]
    frame["eps"] = [facts[name][1] for name in frame["attack"]]
    frame["eps"] = frame["eps"].astype(float)
    frame["warnings"] = [notes.join(facts[name][2]) for name in frame["attack"]]
    return frame
