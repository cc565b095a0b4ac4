"""Linear maps and reductions. What they sum and in which order depends on sizes alone."""

import numpy as np
from numpy.typing import NDArray

from ntm.compiled.arithmetic import compiled, fma, larger, reduction
from ntm.compiled.copies import fill

Array = NDArray[np.float32]
TOGETHER = 4  # rows that `accumulate_together` multiplies at once


@compiled
def accumulate(total: Array, vector: Array, matrix: Array) -> None:
    """total [n] += vector [j] times matrix [j, n], rows of the matrix in order."""
    rows, columns = len(vector), len(total)
    whole = rows - rows % 8
    for j in range(0, whole, 8):
        x0, x1, x2, x3 = vector[j], vector[j + 1], vector[j + 2], vector[j + 3]
        x4, x5, x6, x7 = vector[j + 4], vector[j + 5], vector[j + 6], vector[j + 7]
        for n in range(columns):
            sum_ = fma(x0, matrix[j, n], total[n])
            sum_ = fma(x1, matrix[j + 1, n], sum_)
            sum_ = fma(x2, matrix[j + 2, n], sum_)
            sum_ = fma(x3, matrix[j + 3, n], sum_)
            sum_ = fma(x4, matrix[j + 4, n], sum_)
            sum_ = fma(x5, matrix[j + 5, n], sum_)
            sum_ = fma(x6, matrix[j + 6, n], sum_)
            total[n] = fma(x7, matrix[j + 7, n], sum_)
    for j in range(whole, rows):
        x0 = vector[j]
        for n in range(columns):
            total[n] = fma(x0, matrix[j, n], total[n])


@compiled
def accumulate_together(totals: Array, vectors: Array, matrix: Array, batch: int) -> None:
    """totals [b, n] += vectors [b, j] times matrix [j, n], with the bits of `accumulate` a row.

    Four rows share what is read of the matrix, which takes longer than to multiply by it. The
    first `batch` rows count, and what of a row the matrix has a row or column for.
    """
    rows, columns = matrix.shape
    if batch != TOGETHER:
        for row in range(batch):
            accumulate(totals[row, :columns], vectors[row, :rows], matrix)
        return
    total0, total1, total2, total3 = totals[0], totals[1], totals[2], totals[3]
    whole = rows - rows % 4
    for j in range(0, whole, 4):
        a0, a1, a2, a3 = vectors[0, j], vectors[0, j + 1], vectors[0, j + 2], vectors[0, j + 3]
        b0, b1, b2, b3 = vectors[1, j], vectors[1, j + 1], vectors[1, j + 2], vectors[1, j + 3]
        c0, c1, c2, c3 = vectors[2, j], vectors[2, j + 1], vectors[2, j + 2], vectors[2, j + 3]
        d0, d1, d2, d3 = vectors[3, j], vectors[3, j + 1], vectors[3, j + 2], vectors[3, j + 3]
        for n in range(columns):
            m0, m1, m2, m3 = matrix[j, n], matrix[j + 1, n], matrix[j + 2, n], matrix[j + 3, n]
            total0[n] = fma(a3, m3, fma(a2, m2, fma(a1, m1, fma(a0, m0, total0[n]))))
            total1[n] = fma(b3, m3, fma(b2, m2, fma(b1, m1, fma(b0, m0, total1[n]))))
            total2[n] = fma(c3, m3, fma(c2, m2, fma(c1, m1, fma(c0, m0, total2[n]))))
            total3[n] = fma(d3, m3, fma(d2, m2, fma(d1, m1, fma(d0, m0, total3[n]))))
    for row in range(TOGETHER):
        accumulate(totals[row, :columns], vectors[row, whole:rows], matrix[whole:])


@compiled
def correlate(norms: Array, first: Array, second: Array, matrix: Array, a: Array, b: Array) -> None:
    """What `accumulate` adds to zero for vectors a [j] and b [j], and `squares`, in one pass."""
    rows, columns = matrix.shape
    fill(norms, np.float32(0))
    fill(first, np.float32(0))
    fill(second, np.float32(0))
    whole = rows - rows % 4
    for j in range(0, whole, 4):
        a0, a1, a2, a3 = a[j], a[j + 1], a[j + 2], a[j + 3]
        b0, b1, b2, b3 = b[j], b[j + 1], b[j + 2], b[j + 3]
        for n in range(columns):
            m0, m1, m2, m3 = matrix[j, n], matrix[j + 1, n], matrix[j + 2, n], matrix[j + 3, n]
            norms[n] = fma(m3, m3, fma(m2, m2, fma(m1, m1, fma(m0, m0, norms[n]))))
            first[n] = fma(a3, m3, fma(a2, m2, fma(a1, m1, fma(a0, m0, first[n]))))
            second[n] = fma(b3, m3, fma(b2, m2, fma(b1, m1, fma(b0, m0, second[n]))))
    for j in range(whole, rows):
        for n in range(columns):
            m0 = matrix[j, n]
            norms[n] = fma(m0, m0, norms[n])
            first[n] = fma(a[j], m0, first[n])
            second[n] = fma(b[j], m0, second[n])


@compiled
def squares(total: Array, matrix: Array) -> None:
    """total [n] = the sum of the squares of column n of matrix [j, n]."""
    rows, columns = matrix.shape
    fill(total, np.float32(0))
    whole = rows - rows % 4
    for j in range(0, whole, 4):
        for n in range(columns):
            m0, m1, m2, m3 = matrix[j, n], matrix[j + 1, n], matrix[j + 2, n], matrix[j + 3, n]
            total[n] = fma(m3, m3, fma(m2, m2, fma(m1, m1, fma(m0, m0, total[n]))))
    for j in range(whole, rows):
        for n in range(columns):
            total[n] = fma(matrix[j, n], matrix[j, n], total[n])


@reduction
def dot(a: Array, b: Array) -> np.float32:
    """The sum of the products."""
    sum_ = np.float32(0)
    for n in range(len(a)):
        sum_ += a[n] * b[n]
    return sum_


@reduction
def total(a: Array) -> np.float32:
    """The sum."""
    sum_ = np.float32(0)
    for n in range(len(a)):
        sum_ += a[n]
    return sum_


@reduction
def largest(a: Array) -> np.float32:
    """The largest value."""
    most = a[0]
    for n in range(len(a)):
        most = larger(most, a[n])
    return most
