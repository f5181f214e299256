# The threads of a training are a parameter: the bits of a result must not depend on --cores.
rule stabilize_cell:
    input:
        inputs_of("stabilize"),
    output:
        output_of("stabilize"),
    log:
        log_of("stabilize"),
    benchmark:
        benchmark_of("stabilize")
    conda:
        "../../environment.yml"
    threads: COMPUTE.threads * COMPUTE.processes
    resources:
        mem_mb=1500,
        runtime=240,
        gpu=GPU * COMPUTE.processes,
    params:
        command=command_of("stabilize"),
    shell:
        TRAINING


rule equalize_cell:
    input:
        inputs_of("equalize"),
    output:
        output_of("equalize"),
    log:
        log_of("equalize"),
    benchmark:
        benchmark_of("equalize")
    conda:
        "../../environment.yml"
    threads: COMPUTE.threads * COMPUTE.processes
    resources:
        mem_mb=1500,
        runtime=600,
        gpu=GPU * COMPUTE.processes,
    params:
        command=command_of("equalize"),
    shell:
        TRAINING


rule stabilize:
    input:
        outputs_of("stabilize"),


rule equalize:
    input:
        outputs_of("equalize"),
