rule attack_cell:
    input:
        inputs_of("attack"),
    output:
        output_of("attack"),
    params:
        key=key_of("attack"),
        study=STUDY,
    log:
        f"{RESULTS}/logs/attack/{{dataset}}/ir{{ir}}/{{architecture}}/{{method}}/seed{{seed}}/{{job}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/attack/{{dataset}}/ir{{ir}}/{{architecture}}/{{method}}/seed{{seed}}/{{job}}.tsv"
    conda:
        "../../environment.yml"
    threads: study.params.compute.threads
    resources:
        mem_mb=1500,
        runtime=240,
    shell:
        "python -m taet attack --study {params.study} --dataset {wildcards.dataset}"
        " --ir {wildcards.ir} --architecture {wildcards.architecture}"
        " --method {wildcards.method} --seed {wildcards.seed} --job {wildcards.job}"
        " --key {params.key} > {log} 2>&1"


rule attack:
    input:
        outputs_of("attack"),


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
    params:
        key=key_of("score"),
        study=STUDY,
    log:
        f"{RESULTS}/logs/score.log",
    benchmark:
        f"{RESULTS}/benchmarks/score.tsv"
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=30,
    shell:
        "python -m taet score --study {params.study} --key {params.key} > {log} 2>&1"
