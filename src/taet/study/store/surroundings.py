"""Environment variables that can change numbers, though they are part of no key.

Most are read when a library is loaded or first used. The command line removes them before that, so that a job
computes the same whoever starts it. The number of threads is not among them: ``compute.threads`` sets it.
"""

import os

# They choose a library's instructions, kernels and roundings.
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
    # They give fewer threads than were asked for.
    "MKL_DYNAMIC",
    "OMP_DYNAMIC",
    "OMP_THREAD_LIMIT",
    # They choose kernels and roundings on GPUs.
    "CUBLAS_WORKSPACE_CONFIG",
    "CUBLASLT_WORKSPACE_SIZE",
    "DISABLE_ADDMM_CUDA_LT",
    "NVIDIA_TF32_OVERRIDE",
    "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE",
    "TORCH_BLAS_PREFER_CUBLASLT",
    "TORCH_CUDNN_USE_HEURISTIC_MODE_B",
    "TORCH_CUDNN_V8_API_DISABLED",
)
# These stay: they are read before Python runs, or some installations need them.
BEYOND_REACH = ("GLIBC_TUNABLES", "LD_PRELOAD", "MKL_THREADING_LAYER")


def leave_out_choices() -> None:
    """Remove the variables from this process's environment, before anything that reads them is imported."""
    for name in CHOICES:
        os.environ.pop(name, None)


def set_choices() -> dict[str, str]:
    """The variables that are still set, for records."""
    return {name: os.environ[name] for name in (*CHOICES, *BEYOND_REACH) if name in os.environ}
