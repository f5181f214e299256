"""Stage ``attack``: predictions of a trained model for every test image, clean and under attack.

The file is a safetensors file: it loads without torch and without executing anything. It holds, for the N
images of the ``test`` list, 12 bytes an image and 8 bytes an image and attack:

    index                [N] int64    index of the image in the data set's array
    label                [N] int16    true class
    clean                [N] int16    predicted class of the clean image
    ATTACK/prediction    [N] int16    predicted class of the adversarial image
    ATTACK/distance      [N] float32  norm of the perturbation, in the [0,1] pixel range
    ATTACK/broken_by     [N] int16    which part of the attack fooled the model, -1 for none

An image that is misclassified when clean is never robust: its adversarial prediction is the clean one, at
distance 0. The header is JSON under ``taet``. Its ``attacks`` hold for each attack ``norm``, ``eps`` (null:
not bounded), ``options`` (steps and so on, as in the parameters), ``parts`` (their titles) and ``warnings``
(see ``taet.adversary.warnings``); its own ``warnings`` concern the model.
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from taet.adversary.evaluation import Evaluation, evaluate
from taet.compute.devices import device_facts, set_up_device
from taet.data.loader import to_pixels
from taet.data.split_images import read_data
from taet.networks.network import load_model
from taet.study.run.resume import finish, resume_file

if TYPE_CHECKING:
    from taet.study.plan.job import Job

SAVE_PAUSE = 30.0  # seconds between two saves: what a killed job loses at most, but for one part


def run(job: "Job") -> dict[str, Any]:
    """Attack the job's model on all test images and write the predictions."""
    device = set_up_device(job.reads["compute"])
    data = read_data(job, "test")
    source = job.inputs["model"]
    model = load_model(source.output, source.key, job.cell["checkpoint"]).to(device)
    y, index = data.labels["test"], data.index["test"]
    resume = resume_file(job, pause=SAVE_PAUSE)
    evaluation = evaluate(
        model,
        to_pixels(data.pop_images("test").to(device), data.max_value),
        y.to(device),
        job.reads["attacks"],
        eps=job.reads["threat"].eps,
        batch_size=job.reads["evaluation"].batch_size,
        seed=job.cell["seed"],
        classes=data.classes,
        precision=job.reads["evaluation"].precision,
        index=index,
        title=job.title,
        resume=resume,
    )
    arrays = {
        "index": index.numpy(),
        "label": y.numpy().astype(np.int16),
        "clean": evaluation.clean.numpy().astype(np.int16),
        **_arrays_of_attacks(evaluation),
    }
    facts = {"attacks": _facts_of_attacks(job, evaluation), "warnings": list(evaluation.warnings)}
    finish(job, arrays, facts)
    return {**device_facts(device), "images": len(y), "resumed": resume.resumed}


def _arrays_of_attacks(evaluation: Evaluation) -> dict[str, Any]:
    """Three for each attack; see the module."""
    arrays = {}
    for name, verdict in evaluation.verdicts.items():
        arrays[f"{name}/prediction"] = verdict.prediction.numpy().astype(np.int16)
        arrays[f"{name}/distance"] = verdict.distance.numpy()
        arrays[f"{name}/broken_by"] = verdict.broken_by.numpy().astype(np.int16)
    return arrays


def _facts_of_attacks(job: "Job", evaluation: Evaluation) -> dict[str, Any]:
    """What the header says of each attack; see the module."""
    return {
        name: {
            "norm": verdict.norm,
            "eps": verdict.eps,
            "options": job.dump(job.reads["attacks"][name]),
            "parts": list(verdict.parts),
            "warnings": list(verdict.warnings),
        }
        for name, verdict in evaluation.verdicts.items()
    }
