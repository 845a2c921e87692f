"""Tools of all benchmarks: input spikes, clocks, memory, processes, results."""
