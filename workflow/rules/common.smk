# What all rules share. Grid, paths and keys come from the package.
import shlex
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError

sys.path.insert(0, str(Path(workflow.basedir, "workflow", "scripts")))
import orphans
import tree

tree.enter(workflow.basedir)
# On a cluster every job starts a Snakemake of its own, beside those of other jobs; it cares for its job, not
# for the folder.
ALONE = workflow.is_main_process
KNOWN_ALONE = ALONE and not workflow.output_settings.dryrun and tree.take_over()
import outputs
from snakemake_logger_plugin_taet.command_line import unknown_target
from snakemake_logger_plugin_taet.jobs import announce
from taet.study.params import plugins
from taet.study.params.selection import of_config
from taet.study.plan.stages import STAGES
from taet.study.plan.study import load_study
from taet.errors import UserError, suggest

try:
    study = load_study(study=of_config(config))
except UserError as error:
    raise WorkflowError(str(error))
STUDY = study.params.study
RESULTS = f"results/{STUDY}"
PAGE = f"{RESULTS}/report.html"
DONE = set()
try:
    if ALONE:
        DONE = outputs.mark_stale(study, Path(PAGE))
except UserError as error:
    raise WorkflowError(str(error))
except OSError as error:
    raise WorkflowError(
        f"{error.filename}: {error.strerror}; check the folder's owner and rights"
    )


def output_of(stage):
    """Path of a stage's output, with the stage's axes as wildcards."""
    return study.pattern(stage)


def log_of(stage):
    """Path of a stage's log, with the stage's axes as wildcards."""
    return beside(stage, "logs", "log")


def benchmark_of(stage):
    """Path of what Snakemake measures of a stage's job, likewise."""
    return beside(stage, "benchmarks", "tsv")


def beside(stage, folder, suffix):
    """``results/STUDY/FOLDER/STAGE/CELL.SUFFIX``; without the study where all studies share the output."""
    output = STAGES[stage].output
    results = RESULTS if "{study}" in output else "results"
    cell = [
        part for part in Path(study.pattern(stage)).with_suffix("").parts if "{" in part
    ]
    return f"{'/'.join([results, folder, stage, *cell])}.{suffix}"


def outputs_of(stage):
    """Input function of a target: every output of a stage that the grid asks for.

    It is a function, since jobs on a cluster read the rules too, and do not need such lists.
    """

    def targets(wildcards):
        return [str(job.output) for job in study.jobs(stage)]

    return targets


def lost_outputs(wildcards):
    """Intermediate files that are missing; Snakemake alone would not make them again."""
    return [str(job.output) for job in study.lost()]


def files_of(stage):
    """What a stage without axes writes beside its manifest."""
    return [str(file) for file in study.job(stage).files]


def inputs_of(stage):
    """Input function of a stage: the outputs that its job waits for.

    A job also reads inputs of these (an attack needs the images as well as the model). To list them too would
    double the edges of the graph, and with them the planning time, and change no plan.
    """

    def inputs(wildcards):
        job = study.job(stage, **wildcards)
        return timeless(job.output, [needed.output for needed in job.direct_inputs])

    return inputs


def timeless(output, files):
    """Inputs, whose times do not count if the output is done (workflow/scripts/outputs.py).

    For a job that is to run they must count: Snakemake searches only such inputs for further marked files.
    """
    files = map(str, files)
    return list(map(ancient, files) if output in DONE else files)


def command_of(stage):
    """Params function of a stage: the command line of the job, its key included.

    The key covers parameters, code and inputs: a job refuses to work if any of them has changed since it was
    planned.
    """

    def command(wildcards):
        return study.job(stage, **wildcards).command

    return command


def check_targets():
    """Refuse a target that is no rule, such as a misspelt one; called when all rules are known."""
    known = {rule.name: not rule.has_wildcards() for rule in workflow.rules}
    if ALONE and (target := unknown_target(sys.argv, known)):
        targets = [name for name, is_target in known.items() if is_target]
        raise WorkflowError(f"no target {target!r}{suggest(target, targets)}")


COMPUTE = study.params.compute
# GPUs of a job that works with a network. On one machine `--resources gpu=N` limits how many jobs have one at
# a time; a cluster gives each job its own (profiles/slurm).
GPU = 1 if COMPUTE.device == "cuda" else 0
# The error of a job goes to the terminal as well as into the log, which may lie on a full disk. With `exec` bash
# does not print the command of a job that is killed.
JOB = "TAET_ERRORS_FD=3 exec python -m taet {params.command} 3>&2 > {log} 2>&1"
# Several processes may share a training.
TRAINING = (
    f"torchrun --standalone --nproc-per-node {COMPUTE.processes} -m taet {{params.command}} > {{log}} 2>&1"
    if COMPUTE.processes > 1
    else JOB
)

FIGURES = "report.figures"
TITLES_OF_FIGURES = {
    name: plugins.title(FIGURES, name) for name in plugins.names(FIGURES)
}


def choices(blocks):
    return "|".join(blocks)


wildcard_constraints:
    dataset=choices(study.params.datasets),
    imbalance_ratio=r"\d+(\.\d+)?|natural",
    architecture=choices(study.params.architectures),
    stabilization=choices(study.params.stabilizations) or "none",
    method=choices(study.params.methods),
    seed=r"\d+",
    checkpoint=choices(study.params.grid.checkpoints),
    job=choices(study.attack_jobs),
