rule download_dataset:
    output:
        output_of("download"),
    log:
        "results/logs/download/{dataset}.log",
    benchmark:
        "results/benchmarks/download/{dataset}.tsv"
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
        f"{RESULTS}/logs/subsample/{{dataset}}/ir{{imbalance_ratio}}/seed{{seed}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/subsample/{{dataset}}/ir{{imbalance_ratio}}/seed{{seed}}.tsv"
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
