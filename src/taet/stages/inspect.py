"""Stage ``inspect``: what the networks of the first seed make of the rarest classes, to be looked at.

features.csv: features of some test images of the rarest classes in two dimensions, by t-SNE (van der
Maaten and Hinton 2008), for each network by itself: ``dataset``, ``imbalance_ratio``, ``architecture``,
``method``, ``seed``, ``class_index``, ``class_name``, ``test_image`` (its number in the data set),
``x``, ``y``. Only who is near to whom means something: axes and distances between far points do not.

examples.csv: the first of those images of each class, and what the headline attack makes of it: the same
first columns, then ``clean`` and ``attacked``, the names of the classes that the network sees in the
clean and in the attacked image.

examples.safetensors: these images, of each data set, imbalance ratio and architecture: the clean ones as
``DATASET/irIR/ARCHITECTURE/clean``, [N, H, W, C] float16 in [0,1], and as
``DATASET/irIR/ARCHITECTURE/METHOD`` what the attack adds to them, in [-1,1]. Half precision is for the
eye: the classes are those of the images in float32.

The images are not selected: they are the first of their class among the test images.
"""

from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
from sklearn.manifold import TSNE
from threadpoolctl import threadpool_limits
from torch import Tensor

from taet.adversary.evaluation import evaluate
from taet.axes import SETTING, setting_path
from taet.compute.devices import set_up_device
from taet.data.loader import to_pixels
from taet.data.split_images import SplitImages, read_data
from taet.networks.network import features_of, load_model
from taet.scores.csv_bytes import csv_bytes
from taet.seeds import seed_for
from taet.study.store import artifacts

if TYPE_CHECKING:
    from taet.study.plan.job import Job

FILES = ("features.csv", "examples.csv", "examples.safetensors")
DIGITS = 2


def run(job: "Job") -> dict[str, Any]:
    """Look into every network, setting by setting."""
    device = set_up_device(job.reads["compute"])
    features, examples, arrays = [], [], {}
    networks = [needed for needed in job.inputs.values() if needed.stage == "equalize"]
    for setting, in_setting in groupby(networks, lambda n: [n.cell[axis] for axis in SETTING]):
        for number, network in enumerate(in_setting):
            images = _Rare(job, network, device)
            features.append(images.embedded())
            rows, clean, added = images.attacked()
            examples.append(rows)
            name = setting_path(setting)
            if number == 0:
                arrays[f"{name}/clean"] = clean
            arrays[f"{name}/{network.cell['method']}"] = added
    file = artifacts.by_name(job.files)
    artifacts.write_bytes(file["features.csv"], csv_bytes(pd.concat(features), DIGITS))
    artifacts.write_bytes(file["examples.csv"], csv_bytes(pd.concat(examples), DIGITS))
    artifacts.write_arrays(file["examples.safetensors"], arrays, job.key)
    artifacts.write_manifest(job.output.parent, job.key, [file.name for file in job.files])
    return {"networks": len(networks)}


class _Rare:
    """Some test images of the rarest classes, and a network that looks at them."""

    def __init__(self, job: "Job", network: "Job", device: torch.device) -> None:
        self.reads, self.cell = job.reads, network.cell
        self.model = load_model(network.output, network.key, job.reads["checkpoint"]).to(device)
        data = read_data(network, "test")
        of_split = artifacts.read_facts(network.inputs["split"].output)
        self.names = of_split["class_names"]
        of_class = [rows for rows in self._rows(data) if len(rows)]
        rows = torch.cat(of_class)
        self.first = torch.tensor([0, *(len(rows) for rows in of_class[:-1])]).cumsum(0)
        self.index, self.label = data.index["test"][rows], data.labels["test"][rows]
        self.x = to_pixels(data.pop_images("test")[rows].to(device), data.max_value)

    def _rows(self, data: SplitImages) -> list[Tensor]:
        """Test images of each of the rarest classes, the most frequent of them first."""
        wanted = self.reads["inspection"]
        order = torch.argsort(data.train_counts, descending=True, stable=True)
        rare = order[-wanted.classes :].tolist()
        labels = data.labels["test"]
        return [(labels == c).nonzero().squeeze(1)[: wanted.images_per_class] for c in rare]

    def _table(self, rows: Tensor, **columns: Any) -> pd.DataFrame:
        label = self.label[rows].tolist()
        return pd.DataFrame(
            dict(self.cell)
            | {
                "class_index": label,
                "class_name": [self.names[c] for c in label],
                "test_image": self.index[rows].tolist(),
            }
            | columns
        )

    def embedded(self) -> pd.DataFrame:
        """Rows of features.csv."""
        seen = features_of(self.model, self.x).double().cpu().numpy()
        fitting = (len(seen) - 1) / 3  # with more, there are not enough neighbours
        fit = TSNE(
            perplexity=min(self.reads["inspection"].perplexity, fitting),
            init="pca",
            random_state=seed_for("tsne", self.cell["seed"]) % 2**32,
        )
        # The sums of numpy's BLAS are others with another number of threads, which torch does not set.
        with threadpool_limits(self.reads["compute"].threads):
            points = fit.fit_transform(seen)
        return self._table(torch.arange(len(seen)), x=points[:, 0], y=points[:, 1])

    def attacked(self) -> tuple[pd.DataFrame, "np.ndarray[Any, Any]", "np.ndarray[Any, Any]"]:
        """Rows of examples.csv, the clean images, and what is added to them."""
        x, attack = self.x[self.first], self.reads["headline_attack"]
        evaluation = evaluate(
            self.model,
            x,
            self.label[self.first].to(x.device),
            {attack: self.reads["attack"]},
            eps=self.reads["threat"].eps,
            batch_size=len(x),
            seed=self.cell["seed"],
            classes=len(self.names),
            index=self.index[self.first],
            title=f"{self.cell['method']}: {attack}",
            with_images=True,
        )
        verdict = evaluation.verdicts[attack]
        assert verdict.images is not None  # asked for
        rows = self._table(
            self.first,
            clean=[self.names[c] for c in evaluation.clean],
            attacked=[self.names[c] for c in verdict.prediction],
        )
        return rows, _pixels(x), _pixels(verdict.images - x)


def _pixels(x: Tensor) -> "np.ndarray[Any, Any]":
    """[N, C, H, W] as [N, H, W, C] in half precision."""
    return np.ascontiguousarray(x.permute(0, 2, 3, 1).cpu().numpy().astype(np.float16))
