"""How and where numbers are computed: devices and precision, batches, folded batch norm, CUDA graphs."""
