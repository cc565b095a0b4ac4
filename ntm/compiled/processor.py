"""Which processor functions are compiled for."""


def processor() -> tuple[str, str]:
    """The name and features of this machine's, with the use of its widest vectors.

    LLVM keeps to half of AVX-512 on Intel's processors, for fear of a lower clock; there the
    controller's product then takes twice as long.
    """
    from llvmlite import binding

    features = binding.get_host_cpu_features()
    if features.get("avx512f"):
        features["prefer-256-bit"] = False
    return binding.get_host_cpu_name(), features.flatten()
