"""Environment variables that reach numbers though no key names them.

Most are read when a library is loaded or first used. The command line takes them out before that: a job then
computes the same, whoever's shell has started it. How many threads there are, ``compute.threads`` says.
"""

import os

# Which instructions, kernels and roundings libraries take.
CHOICES = (
    "ATEN_CPU_CAPABILITY",
    "MKL_CBWR",
    "MKL_DEBUG_CPU_TYPE",
    "MKL_ENABLE_INSTRUCTIONS",
    *(
        f"{library}_{what}"
        for library in ("ONEDNN", "DNNL")
        for what in ("CPU_ISA_HINTS", "DEFAULT_FPMATH_MODE", "MAX_CPU_ISA")
    ),
    "NPY_DISABLE_CPU_FEATURES",
    "NPY_ENABLE_CPU_FEATURES",
    "OPENBLAS_CORETYPE",
    "SKLEARN_ASSUME_FINITE",
    "SKLEARN_PAIRWISE_DIST_CHUNK_SIZE",
    "SKLEARN_WORKING_MEMORY",
    # Fewer threads than were asked for.
    "MKL_DYNAMIC",
    "OMP_DYNAMIC",
    "OMP_THREAD_LIMIT",
    # Of GPUs.
    "CUBLAS_WORKSPACE_CONFIG",
    "CUBLASLT_WORKSPACE_SIZE",
    "DISABLE_ADDMM_CUDA_LT",
    "NVIDIA_TF32_OVERRIDE",
    "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE",
    "TORCH_BLAS_PREFER_CUBLASLT",
    "TORCH_CUDNN_USE_HEURISTIC_MODE_B",
    "TORCH_CUDNN_V8_API_DISABLED",
)
# Read before Python runs, or needed by some installations.
BEYOND_REACH = ("GLIBC_TUNABLES", "LD_PRELOAD", "MKL_THREADING_LAYER")


def leave_out_choices() -> None:
    """Take the variables out of this process's environment; nothing that reads them may be imported yet."""
    for name in CHOICES:
        os.environ.pop(name, None)


def set_choices() -> dict[str, str]:
    """Variables that are set all the same, for records."""
    return {name: os.environ[name] for name in (*CHOICES, *BEYOND_REACH) if name in os.environ}
