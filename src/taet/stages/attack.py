"""Stage ``attack``: predictions of a trained model for every test image, clean and under attack.

The file holds, for the N images of the balanced test view:

    index               [N] int64    position of the image in the data set's array
    label               [N] int16    true class
    clean               [N] int16    predicted class of the clean image
    ATTACK/prediction   [N] int16    predicted class of the adversarial image
    ATTACK/distance     [N] float32  L-inf norm of the perturbation, in the [0,1] pixel range

An image that is misclassified when clean is never robust: its adversarial prediction is the clean
one, at distance 0.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from taet import artifacts
from taet.evaluate import evaluate
from taet.loader import to_pixels
from taet.networks import load_model
from taet.stages._data import read_data

if TYPE_CHECKING:
    from taet.jobs import Job


def run(job: "Job") -> dict[str, Any]:
    """Attack the job's model on the balanced test view and write the predictions."""
    torch.set_num_threads(job.reads["compute"].threads)
    data = read_data(job, "test")
    model = load_model(job.inputs["model"].output, job.inputs["model"].key)
    y = data.labels["test"]
    clean, verdicts = evaluate(
        model,
        to_pixels(data.hand_over("test"), data.max_value),
        y,
        job.reads["attacks"],
        eps=job.reads["threat"].eps,
        batch_size=job.reads["evaluation"].batch_size,
        seed=job.cell["seed"],
        title=job.title,
    )
    arrays = {
        "index": data.index["test"].numpy(),
        "label": y.numpy().astype(np.int16),
        "clean": clean.numpy().astype(np.int16),
    }
    for name, verdict in verdicts.items():
        arrays[f"{name}/prediction"] = verdict.prediction.numpy().astype(np.int16)
        arrays[f"{name}/distance"] = verdict.distance.numpy()
    artifacts.write_arrays(job.output, arrays, job.key, attacks=list(verdicts))
    return {"device": "cpu", "images": len(y)}
