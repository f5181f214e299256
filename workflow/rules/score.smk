rule score:
    input:
        inputs_of("score"),
    output:
        output_of("score"),
        report(
            files_of("score"),
            category="Numbers",
            caption="../report/metrics.rst",
        ),
    log:
        log_of("score"),
    benchmark:
        benchmark_of("score")
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=30,
    params:
        command=command_of("score"),
    shell:
        JOB


rule inspect:
    input:
        inputs_of("inspect"),
    output:
        output_of("inspect"),
        files_of("inspect"),
    log:
        log_of("inspect"),
    benchmark:
        benchmark_of("inspect")
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=2500,
        runtime=60,
        gpu=GPU,
    params:
        command=command_of("inspect"),
    shell:
        JOB
