rule tables:
    input:
        inputs_of("tables"),
    output:
        output_of("tables"),
        report(
            files_of("tables"),
            category="Tables",
            caption="../report/tables.rst",
        ),
    log:
        log_of("tables"),
    benchmark:
        benchmark_of("tables")
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        command=command_of("tables"),
    shell:
        JOB


rule figures:
    input:
        inputs_of("figures"),
    output:
        output_of("figures"),
        report(
            files_of("figures"),
            category="Figures",
            caption="../report/figures.rst",
        ),
    log:
        log_of("figures"),
    benchmark:
        benchmark_of("figures")
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        command=command_of("figures"),
        titles=TITLES_OF_FIGURES,  # for the caption
    shell:
        JOB


# One page with everything. It contains times and machines, so it is no artifact, and DVC does not store it.
rule report:
    input:
        timeless(Path(PAGE), [output_of("tables"), output_of("figures")]),
    output:
        PAGE,
    log:
        f"{RESULTS}/logs/report.log",
    benchmark:
        f"{RESULTS}/benchmarks/report.tsv"
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        command=shlex.join(["report", *study.selection.options]),
    shell:
        JOB
