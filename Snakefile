# The workflow: data -> training -> attacks -> tables and figures.
#
#   snakemake --cores 4 all                     everything of the study that params.yaml names
#   snakemake --cores 4 all --config study=X    another study
#   snakemake -n                                what would run, and why
#
# Targets: download, subsample, stabilize, equalize, attack, score, inspect, tables, figures, report, all.
from snakemake.logging import logger
from snakemake.utils import min_version

min_version("9.14")


include: "workflow/rules/common.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/evaluate.smk"
include: "workflow/rules/score.smk"
include: "workflow/rules/report.smk"


# On a cluster these run where Snakemake runs: other machines have no network, and the report takes seconds.
localrules:
    download_dataset,
    report,


onstart:  # not of --summary, --list or --report, which must cancel nothing
    if KNOWN_ALONE:
        orphans.cancel_waiting()
    announce(study, workflow.dag.needrun_jobs())


onsuccess:
    if Path(PAGE).exists() and ALONE:
        logger.info(
            f"Results: {PAGE} (open it in a browser), or {RESULTS}/tables/main.md",
            extra={"is_result": True},
        )


rule all:
    default_target: True
    input:
        output_of("score"),
        output_of("inspect"),
        rules.tables.output,
        rules.figures.output,
        rules.report.output,
        lost_outputs,


check_targets()
