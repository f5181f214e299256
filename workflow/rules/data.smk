rule download_dataset:
    output:
        output_of("download"),
    log:
        log_of("download"),
    benchmark:
        benchmark_of("download")
    retries: 2
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=1500,
        runtime=60,
    params:
        command=command_of("download"),
    shell:
        JOB


rule subsample_cell:
    input:
        inputs_of("subsample"),
    output:
        output_of("subsample"),
    log:
        log_of("subsample"),
    benchmark:
        benchmark_of("subsample")
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        command=command_of("subsample"),
    shell:
        JOB


rule download:
    input:
        outputs_of("download"),


rule subsample:
    input:
        outputs_of("subsample"),
