"""What a scheme costs: the operations lowered from its C code, executed on N CPUs. Counts first, times as ranges."""
