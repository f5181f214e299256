"""What a job's key depends on."""

from taet.options import DatasetOptions
from taet.study.params import blocks
from taet.study.plan.study import Study


class Named(DatasetOptions):
    training: str
    mirror: str


def test_only_marked_fields_stay_out_of_keys(digits: blocks.Params) -> None:
    """A plugin's own field enters the key, whatever it is called; its label does not."""
    study = Study(digits)
    block = Named(kind="named", label="x", longtail=digits.longtail, training="a", mirror="b")
    assert study._dumped(block) == {"kind": "named", "training": "a", "mirror": "b"}
    assert study._dumped(digits.download) == {}
    method = study._dumped(digits.methods["taet"])
    assert method.keys() & {"label", "stabilization", "training"} == set()
    assert method["alpha"] == 0.1
