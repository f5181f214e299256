# One thread per training job: the bits of a result must not depend on --cores.
rule stabilize_cell:
    input:
        inputs_of("stabilize"),
    output:
        output_of("stabilize"),
    log:
        f"{RESULTS}/logs/stabilize/{{dataset}}/ir{{ir}}/{{architecture}}/{{stabilization}}/seed{{seed}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/stabilize/{{dataset}}/ir{{ir}}/{{architecture}}/{{stabilization}}/seed{{seed}}.tsv"
    conda:
        "../../environment.yml"
    threads: study.params.compute.threads
    resources:
        mem_mb=1500,
        runtime=240,
    params:
        command=command_of("stabilize"),
    shell:
        "python -m taet {params.command} > {log} 2>&1"


rule equalize_cell:
    input:
        inputs_of("equalize"),
    output:
        output_of("equalize"),
    log:
        f"{RESULTS}/logs/equalize/{{dataset}}/ir{{ir}}/{{architecture}}/{{method}}/seed{{seed}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/equalize/{{dataset}}/ir{{ir}}/{{architecture}}/{{method}}/seed{{seed}}.tsv"
    conda:
        "../../environment.yml"
    threads: study.params.compute.threads
    resources:
        mem_mb=1500,
        runtime=600,
    params:
        command=command_of("equalize"),
    shell:
        "python -m taet {params.command} > {log} 2>&1"


rule stabilize:
    input:
        outputs_of("stabilize"),


rule equalize:
    input:
        outputs_of("equalize"),
