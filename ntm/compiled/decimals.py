"""The digits of float32 numbers: the fewest that read back as the number, the nearest of them.

Schubfach, by Raffaello Giulietti ("The Schubfach way to render doubles", 2021), for 32 bits, and
without a branch, so that a loop over numbers vectorises. The names are those of its section 9.
"""

import numpy as np

from ntm.compiled.arithmetic import part

U = np.uint64

MANTISSA, HIDDEN, LOW = U(0x7FFFFF), U(1 << 23), U(0xFFFFFFFF)
LEAST, GREATEST = -31, 45  # powers of ten that numbers may have to be multiplied with


def power_of_ten(exponent: int) -> int:
    """The highest 64 bits of 10^exponent, rounded up: g of section 9.1."""
    power = 10 ** abs(exponent)
    if exponent >= 0:
        return -(-power << 64 >> power.bit_length())
    return -(-(1 << 63 + power.bit_length()) // power)


POWERS = np.array([power_of_ten(exponent) for exponent in range(LEAST, GREATEST + 1)], U)


@part
def to_odd(power: np.uint64, scaled: np.uint64) -> np.uint64:
    """The product from its 64th bit on, the last bit set where others behind it are: rop."""
    low = (power & LOW) * (scaled & LOW)
    high = (power >> U(32)) * (scaled & LOW) + (low >> U(32))
    return (high >> U(32)) | U((high & LOW) > U(1))


@part
def shortest(bits: np.uint64) -> tuple[np.uint64, int]:
    """d and k of a positive finite number: it is d * 10^k, and d may end in zeros.

    Args:
        bits: of the number; what comes of 0, infinity and NaN means nothing
    """
    fraction, exponent = bits & MANTISSA, np.int64(bits >> U(23))
    normal = exponent != 0
    nearer_below = (fraction == U(0)) & (exponent > 1)  # the number below a power of two is
    c, q = fraction | (HIDDEN * U(normal)), exponent - 149 - normal  # it is c * 2^q
    # Both exact for every q there is: floor(log10(2^q)), or of 3/4 of that; floor(log2(10^-k))
    k = (q * 1262611 - 524031 * nearer_below) >> 22
    power = POWERS[U(-k - LEAST)]
    h = U(q + (-k * 1741647 >> 19) + 1)  # c * 2^h * power is c * 2^q / 10^k
    # The number and the ends of the interval that reads back as it, all times 4
    v = to_odd(power, (U(4) * c) << h)
    odd = c & U(1)  # the ends themselves read back as the number where c is even
    lower = to_odd(power, (U(4) * c - U(2) + U(nearer_below)) << h) + odd
    upper = to_odd(power, (U(4) * c + U(2)) << h) - odd
    # One digit less, where just one of the two neighbours lies in the interval
    s = v >> U(2)
    tenth = (s * U(3435973837)) >> U(35)
    under = lower <= U(40) * tenth
    over = U(40) * tenth + U(40) <= upper
    shorter = (s >= U(10)) & (under != over)
    # Else of the two neighbours the one that lies in it, or of both the nearer
    inside, above = lower <= U(4) * s, U(4) * s + U(4) <= upper
    half = U(4) * s + U(2)
    nearer = (v > half) | ((v == half) & ((s & U(1)) != U(0)))
    up = above if inside != above else nearer
    d = tenth + U(over) if shorter else s + U(up)
    return d, k + shorter
