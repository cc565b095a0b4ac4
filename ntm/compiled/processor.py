"""Which processor functions are compiled for."""

import os


def processor() -> tuple[str, str]:
    """The name and features of this machine's, with the use of its widest vectors.

    LLVM keeps to half of AVX-512 on Intel's processors, for fear of a lower clock; there the
    controller's product then takes twice as long. Numba's own variables NUMBA_CPU_NAME and
    NUMBA_CPU_FEATURES name another one: an image that is to run on many machines is compiled for
    what all of them have, such as x86-64-v3.
    """
    from llvmlite import binding

    if name := os.environ.get("NUMBA_CPU_NAME"):
        return name, os.environ.get("NUMBA_CPU_FEATURES", "")
    features = binding.get_host_cpu_features()
    if features.get("avx512f"):
        features["prefer-256-bit"] = False
    return binding.get_host_cpu_name(), features.flatten()
