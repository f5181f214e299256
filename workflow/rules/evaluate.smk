rule attack_cell:
    input:
        inputs_of("attack"),
    output:
        output_of("attack"),
    log:
        f"{RESULTS}/logs/attack/{{dataset}}/ir{{imbalance_ratio}}/{{architecture}}/{{method}}/seed{{seed}}/{{checkpoint}}/{{job}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/attack/{{dataset}}/ir{{imbalance_ratio}}/{{architecture}}/{{method}}/seed{{seed}}/{{checkpoint}}/{{job}}.tsv"
    conda:
        "../../environment.yml"
    threads: COMPUTE.threads
    resources:
        mem_mb=2500,
        runtime=240,
        gpu=GPU,
    params:
        command=command_of("attack"),
    shell:
        JOB


rule attack:
    input:
        outputs_of("attack"),
