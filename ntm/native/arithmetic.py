"""How functions are compiled here, and the two instructions that Python has no word for.

No fast-math: a product and a sum are rounded once where `fma` says so and twice elsewhere, in the
order written, so that a result depends neither on vector width nor on how long a loop is. The
reductions of sums.py are the exception.
"""

from typing import Any

import numba
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

compiled = numba.njit(error_model="numpy", nogil=True)
reduction = numba.njit(
    error_model="numpy", nogil=True, fastmath={"reassoc", "contract", "nnan", "nsz"}
)


@intrinsic
def fma(context: Any, a: Any, b: Any, c: Any) -> Any:
    """a * b + c in float32, rounded once."""
    signature = types.float32(types.float32, types.float32, types.float32)
    return signature, lambda context, builder, signature, operands: builder.fma(*operands)


@intrinsic
def bits_of(context: Any, x: Any) -> Any:
    """The 32 bits of a float32 as int32."""
    return types.int32(types.float32), _reinterpreted(ir.IntType(32))


@intrinsic
def float_of(context: Any, bits: Any) -> Any:
    """The float32 with these 32 bits."""
    return types.float32(types.int32), _reinterpreted(ir.FloatType())


def _reinterpreted(to: Any) -> Any:
    return lambda context, builder, signature, operands: builder.bitcast(operands[0], to)
