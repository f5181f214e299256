rule download_dataset:
    output:
        output_of("download"),
    params:
        key=key_of("download"),
        study=STUDY,
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
        "python -m taet download --study {params.study} --dataset {wildcards.dataset}"
        " --key {params.key} > {log} 2>&1"


rule subsample_cell:
    input:
        inputs_of("subsample"),
    output:
        output_of("subsample"),
    params:
        key=key_of("subsample"),
        study=STUDY,
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
        "python -m taet subsample --study {params.study} --dataset {wildcards.dataset}"
        " --ir {wildcards.ir} --seed {wildcards.seed} --key {params.key} > {log} 2>&1"


rule download:
    input:
        outputs_of("download"),


rule subsample:
    input:
        outputs_of("subsample"),
