"""exp, log, tanh, sigmoid and softplus in float32, written so that loops over them vectorise.

Polynomials of Cephes (exp, log) and a rational function of Eigen (tanh); no branches, no calls.
"""

import numpy as np

from ntm.compiled.arithmetic import bits_of, compiled, float_of, fma

_LOWEST, _HIGHEST = np.float32(-87.0), np.float32(88.0)  # exp of what lies beyond is 0, or stays
_LOG2_E = np.float32(1.44269504)
_LN2_HIGH, _LN2_LOW = np.float32(0.693359375), np.float32(-2.12194440e-4)
_ROUNDER = np.float32(12582912.0)  # 1.5 * 2^23: adding it rounds to whole numbers
_ROUNDER_BITS = np.int32(0x4B400000)
_ONE_BITS, _ROOT_HALF_BITS = np.int32(0x3F800000), np.int32(0x3F3504F3)
_MANTISSA_BITS, _MANTISSA = np.int32(23), np.int32(0x7FFFFF)
_BIAS = np.int32(127)
_TANH_END = np.float32(7.90531110763549805)
_ZERO, _HALF, _ONE = np.float32(0), np.float32(0.5), np.float32(1)

_E0, _E1, _E2 = (
    np.float32(5.0000001201e-1),
    np.float32(1.6666665459e-1),
    np.float32(4.1665795894e-2),
)
_E3, _E4, _E5 = (
    np.float32(8.3334519073e-3),
    np.float32(1.3981999507e-3),
    np.float32(1.9875691500e-4),
)

_L0, _L1, _L2 = (
    np.float32(3.3333331174e-1),
    np.float32(-2.4999993993e-1),
    np.float32(2.0000714765e-1),
)
_L3, _L4, _L5 = (
    np.float32(-1.6668057665e-1),
    np.float32(1.4249322787e-1),
    np.float32(-1.2420140846e-1),
)
_L6, _L7, _L8 = (
    np.float32(1.1676998740e-1),
    np.float32(-1.1514610310e-1),
    np.float32(7.0376836292e-2),
)

_A1, _A3, _A5 = (
    np.float32(4.89352455891786e-03),
    np.float32(6.37261928875436e-04),
    np.float32(1.48572235717979e-05),
)
_A7, _A9 = np.float32(5.12229709037114e-08), np.float32(-8.60467152213735e-11)
_A11, _A13 = np.float32(2.00018790482477e-13), np.float32(-2.76076847742355e-16)
_B0, _B2 = np.float32(4.89352518554385e-03), np.float32(2.26843463243900e-03)
_B4, _B6 = np.float32(1.18534705686654e-04), np.float32(1.19825839466702e-06)


@compiled
def exp(x: np.float32) -> np.float32:
    """e^x: 0 below -87, which keeps denormals out, and e^88 above 88."""
    bounded = x if x > _LOWEST else _LOWEST
    bounded = bounded if bounded < _HIGHEST else _HIGHEST
    shifted = fma(bounded, _LOG2_E, _ROUNDER)
    power = shifted - _ROUNDER
    r = fma(power, -_LN2_HIGH, bounded)
    r = fma(power, -_LN2_LOW, r)
    p = fma(fma(fma(_E5, r, _E4), r, _E3), r, _E2)
    p = fma(fma(p, r, _E1), r, _E0)
    p = fma(p, r * r, r) + _ONE
    scale = float_of((bits_of(shifted) - _ROUNDER_BITS + _BIAS) << _MANTISSA_BITS)
    return _ZERO if x < _LOWEST else p * scale


@compiled
def log(x: np.float32) -> np.float32:
    """The natural logarithm of a positive normal number."""
    bits = bits_of(x) + (_ONE_BITS - _ROOT_HALF_BITS)
    power = np.float32((bits >> _MANTISSA_BITS) - _BIAS)
    f = float_of((bits & _MANTISSA) + _ROOT_HALF_BITS) - _ONE  # in [-0.293, 0.414]
    square = f * f
    p = fma(fma(fma(fma(_L8, f, _L7), f, _L6), f, _L5), f, _L4)
    p = fma(fma(fma(fma(p, f, _L3), f, _L2), f, _L1), f, _L0)
    y = fma(power, _LN2_LOW, f * square * p)
    y = fma(-_HALF, square, y)
    return fma(power, _LN2_HIGH, f + y)


@compiled
def tanh(x: np.float32) -> np.float32:
    """The hyperbolic tangent."""
    bounded = x if x > -_TANH_END else -_TANH_END
    bounded = bounded if bounded < _TANH_END else _TANH_END
    square = bounded * bounded
    p = fma(fma(fma(_A13, square, _A11), square, _A9), square, _A7)
    p = fma(fma(fma(p, square, _A5), square, _A3), square, _A1)
    q = fma(fma(fma(_B6, square, _B4), square, _B2), square, _B0)
    return bounded * p / q


@compiled
def sigmoid(x: np.float32) -> np.float32:
    """1 / (1 + e^-x)."""
    return _ONE / (_ONE + exp(-x))


@compiled
def softplus(x: np.float32) -> np.float32:
    """log(1 + e^x)."""
    small = exp(-abs(x))
    sum_ = _ONE + small  # what it rounds away comes back by the quotient
    rest = small if sum_ == _ONE else log(sum_) * (small / (sum_ - _ONE))
    return (x if x > _ZERO else _ZERO) + rest
