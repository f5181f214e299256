rule download_dataset:
    output:
        output_of("download"),
    params:
        command=command_of("download"),
    log:
        "results/logs/download/{dataset}.log",
    benchmark:
        "results/benchmarks/download/{dataset}.tsv"
    conda:
        "../../environment.yml"
    threads: 1
    retries: 2
    resources:
        mem_mb=1500,
        runtime=60,
    shell:
        "python -m taet {params.command} > {log} 2>&1"


rule subsample_cell:
    input:
        inputs_of("subsample"),
    output:
        output_of("subsample"),
    params:
        command=command_of("subsample"),
    log:
        f"{RESULTS}/logs/subsample/{{dataset}}/ir{{ir}}/seed{{seed}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/subsample/{{dataset}}/ir{{ir}}/seed{{seed}}.tsv"
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    shell:
        "python -m taet {params.command} > {log} 2>&1"


rule download:
    input:
        outputs_of("download"),


rule subsample:
    input:
        outputs_of("subsample"),
