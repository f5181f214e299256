"""Stage ``attack``: predictions of a trained model for every test image, clean and under attack.

The file is a safetensors file: it loads without torch and without executing anything. It holds, for the N
images of the ``test`` list, 12 bytes an image and 8 bytes an image and attack:

    index                [N] int64    position of the image in the data set's array
    label                [N] int16    true class
    clean                [N] int16    predicted class of the clean image
    ATTACK/prediction    [N] int16    predicted class of the adversarial image
    ATTACK/distance      [N] float32  norm of the perturbation, in the [0,1] pixel range
    ATTACK/broken_by     [N] int16    which part of the attack fooled the model, -1 for none

An image that is misclassified when clean is never robust: its adversarial prediction is the clean one, at
distance 0. The header, JSON under ``taet``, says in ``attacks`` of each attack its ``norm``, its ``eps``
(null: not bounded), its ``options`` (steps and so on, as in the parameters), the titles of its ``parts`` and
its ``warnings`` (see ``taet.adversary.checks``); ``warnings`` are those that concern the model.
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from taet.adversary.evaluation import Arrays, Saved, evaluate
from taet.compute.devices import device_facts, settle
from taet.data.loader import to_pixels
from taet.data.split import read_data
from taet.errors import UserError
from taet.networks.network import load_model
from taet.study.run.resume import finish, resume_path
from taet.study.store import artifacts

if TYPE_CHECKING:
    from taet.study.plan.job import Job


def run(job: "Job") -> dict[str, Any]:
    """Attack the job's model on all test images and write the predictions."""
    device = settle(job.reads["compute"])
    data = read_data(job, "test")
    trained = job.inputs["model"]
    model = load_model(trained.output, trained.key, job.cell["checkpoint"]).to(device)
    y, index = data.labels["test"], data.index["test"]
    saved = _saved(job)
    found = evaluate(
        model,
        to_pixels(data.hand_over("test").to(device), data.max_value),
        y.to(device),
        job.reads["attacks"],
        eps=job.reads["threat"].eps,
        batch_size=job.reads["evaluation"].batch_size,
        seed=job.cell["seed"],
        classes=data.classes,
        precision=job.reads["evaluation"].precision,
        index=index,
        title=job.title,
        saved=saved,
    )
    arrays = {
        "index": index.numpy(),
        "label": y.numpy().astype(np.int16),
        "clean": found.clean.numpy().astype(np.int16),
    }
    facts = {}
    for name, verdict in found.verdicts.items():
        arrays[f"{name}/prediction"] = verdict.prediction.numpy().astype(np.int16)
        arrays[f"{name}/distance"] = verdict.distance.numpy()
        arrays[f"{name}/broken_by"] = verdict.broken_by.numpy().astype(np.int16)
        facts[name] = {
            "norm": verdict.norm,
            "eps": verdict.eps,
            "options": job.dump(job.reads["attacks"][name]),
            "parts": list(verdict.parts),
            "warnings": list(verdict.warnings),
        }
    finish(job, arrays, {"attacks": facts, "warnings": list(found.warnings)})
    return {**device_facts(device), "images": len(y), "resumed": bool(saved.arrays)}


def _saved(job: "Job") -> Saved:
    """Verdicts of an interrupted run of the same job, and where to keep those of this one."""
    path = resume_path(job)
    arrays: Arrays = {}
    if path.exists():
        try:
            arrays, _ = artifacts.read_arrays(path, job.key)
        except UserError as error:
            print(f"{job.title}: starting over: {error}", flush=True)

    def keep(verdicts: Arrays) -> None:
        artifacts.write_arrays(path, verdicts, job.key)

    return Saved(arrays, keep)
