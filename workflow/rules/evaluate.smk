rule attack_cell:
    input:
        inputs_of("attack"),
    output:
        output_of("attack"),
    log:
        f"{RESULTS}/logs/attack/{{dataset}}/ir{{ir}}/{{architecture}}/{{method}}/seed{{seed}}/{{checkpoint}}/{{job}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/attack/{{dataset}}/ir{{ir}}/{{architecture}}/{{method}}/seed{{seed}}/{{checkpoint}}/{{job}}.tsv"
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
        "python -m taet {params.command} > {log} 2>&1"


rule attack:
    input:
        outputs_of("attack"),


# Kept metrics are made already: as the output of a rule they would be deleted before it ran.
NUMBERS = []
if not study.kept:

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
            f"{RESULTS}/logs/score.log",
        benchmark:
            f"{RESULTS}/benchmarks/score.tsv"
        conda:
            "../../environment.yml"
        threads: 1
        resources:
            mem_mb=1000,
            runtime=30,
        params:
            command=command_of("score"),
        shell:
            "python -m taet {params.command} > {log} 2>&1"

    rule inspect:
        input:
            inputs_of("inspect"),
        output:
            output_of("inspect"),
            files_of("inspect"),
        log:
            f"{RESULTS}/logs/inspect.log",
        benchmark:
            f"{RESULTS}/benchmarks/inspect.tsv"
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
            "python -m taet {params.command} > {log} 2>&1"

    NUMBERS = [rules.score.output, rules.inspect.output]
