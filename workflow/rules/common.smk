# What all rules share. The grid, paths and keys come from the package; nothing is computed twice.
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError

sys.path.insert(0, str(Path(workflow.basedir, "workflow", "scripts")))
import tree

tree.enter(workflow.basedir)
import ledger
from taet import grid, params
from taet.errors import UserError


def read_study():
    unknown = sorted(set(config) - {"study"})
    if unknown:
        raise WorkflowError(
            f"--config {unknown[0]}: only 'study' can be set here; everything else is in params.yaml"
        )
    try:
        params.load_all()  # a mistake in any study is found before any job starts
        return grid.Study(params.load(study=config.get("study")))
    except UserError as error:
        raise WorkflowError(str(error))


study = read_study()
STUDY = study.params.study
RESULTS = f"results/{STUDY}"
ledger.restore(Path(f"provenance/{STUDY}.jsonl"), study)


def output_of(stage):
    """Path of a stage's output, with the stage's axes as wildcards."""
    return study.pattern(stage)


def outputs_of(stage):
    """Every output of a stage that the grid asks for."""
    return [str(job.output) for job in study.jobs(stage)]


def files_of(stage):
    """What a stage without axes writes beside its manifest."""
    return [str(file) for file in study.job(stage).files]


def inputs_of(stage):
    """Input function of a stage: the outputs of the jobs it reads."""

    def inputs(wildcards):
        return [str(job.output) for job in study.job(stage, **wildcards).inputs.values()]

    return inputs


def key_of(stage):
    """Params function of a stage: parameters, code and inputs as one key.

    A change of any of them changes the key, and Snakemake runs the job again.
    """

    def key(wildcards):
        return study.job(stage, **wildcards).key

    return key


def choices(blocks):
    return "|".join(blocks)


wildcard_constraints:
    dataset=choices(study.params.datasets),
    ir=r"\d+(\.\d+)?",
    architecture=choices(study.params.architectures),
    stabilization=choices(study.params.stabilizations) or "none",
    method=choices(study.params.methods),
    seed=r"\d+",
    job=choices(study.attack_jobs),
