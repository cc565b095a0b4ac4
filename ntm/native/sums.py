"""Linear maps and reductions. What they sum and in which order depends on sizes alone."""

import numpy as np
from numpy.typing import NDArray

from ntm.native.arithmetic import compiled, fma, reduction

Array = NDArray[np.float32]


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
def squares(total: Array, matrix: Array) -> None:
    """total [n] = the sum of the squares of column n of matrix [j, n]."""
    rows, columns = matrix.shape
    total[:] = 0
    whole = rows - rows % 4
    for j in range(0, whole, 4):
        for n in range(columns):
            sum_ = fma(matrix[j, n], matrix[j, n], total[n])
            sum_ = fma(matrix[j + 1, n], matrix[j + 1, n], sum_)
            sum_ = fma(matrix[j + 2, n], matrix[j + 2, n], sum_)
            total[n] = fma(matrix[j + 3, n], matrix[j + 3, n], sum_)
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
        most = a[n] if a[n] > most else most
    return most
