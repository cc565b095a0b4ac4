"""How functions are compiled here, and the few instructions that Python has no word for.

No fast-math: a product and a sum are rounded once where `fma` says so and twice elsewhere, in the
order written, so that a result depends neither on vector width nor on how long a loop is. The
reductions of sums.py are the exception.
"""

from typing import Any

import numba
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from ntm.compiled.processor import processor

# Before the first function is decorated, which is when Numba reads it.
numba.config.CPU_NAME, numba.config.CPU_FEATURES = processor()  # type: ignore[attr-defined]
# No reference counts: nothing here allocates, and to count views takes a tenth of a step.
_ALIKE: Any = {"error_model": "numpy", "nogil": True, "_nrt": False}
compiled = numba.njit(**_ALIKE)
part = numba.njit(**_ALIKE, inline="always")  # of a function that would be too long to read
reduction = numba.njit(**_ALIKE, fastmath={"reassoc", "contract", "nnan", "nsz"})


def _fma(context: Any, a: Any, b: Any, c: Any) -> Any:
    signature = types.float32(types.float32, types.float32, types.float32)
    return signature, lambda context, builder, signature, operands: builder.fma(*operands)


def _bits_of(context: Any, x: Any) -> Any:
    return types.int32(types.float32), _reinterpreted(ir.IntType(32))


def _float_of(context: Any, bits: Any) -> Any:
    return types.float32(types.int32), _reinterpreted(ir.FloatType())


def _larger(context: Any, a: Any, b: Any) -> Any:
    signature = types.float32(types.float32, types.float32)

    def built(context: Any, builder: Any, signature: Any, operands: Any) -> Any:
        number = ir.FloatType()
        kind = ir.FunctionType(number, [number, number])
        maximum = builder.module.declare_intrinsic("llvm.maxnum", [number], kind)
        return builder.call(maximum, operands, fastmath=("nnan", "nsz"))

    return signature, built


def _leading_zeros(context: Any, bits: Any) -> Any:
    def built(context: Any, builder: Any, signature: Any, operands: Any) -> Any:
        word, flag = ir.IntType(64), ir.IntType(1)
        kind = ir.FunctionType(word, [word, flag])
        count = builder.module.declare_intrinsic("llvm.ctlz", [word], kind)
        return builder.call(count, [*operands, flag(0)])

    return types.uint64(types.uint64), built


def _reinterpreted(to: Any) -> Any:
    return lambda context, builder, signature, operands: builder.bitcast(operands[0], to)


fma: Any = intrinsic(_fma)  # fma(a, b, c): a * b + c in float32, rounded once
larger: Any = intrinsic(_larger)  # larger(a, b): of two float32, in one instruction; neither is NaN
bits_of: Any = intrinsic(_bits_of)  # bits_of(x): the 32 bits of a float32 as int32
float_of: Any = intrinsic(_float_of)  # float_of(bits): the float32 with these bits
leading_zeros: Any = intrinsic(_leading_zeros)  # leading_zeros(bits): of a uint64, 64 of none set
