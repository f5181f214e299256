rule attack_cell:
    input:
        inputs_of("attack"),
    output:
        output_of("attack"),
    log:
        log_of("attack"),
    benchmark:
        benchmark_of("attack")
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
