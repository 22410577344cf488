"""CRC32C (Castagnoli) of large buffers with numpy: 16,384 interleaved lanes, joined by the CRC's linearity."""

from __future__ import annotations

import numpy as np

POLYNOMIAL = 0x82F63B78


def _byte_table() -> np.ndarray:
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = (table >> 1) ^ np.where(table & 1, np.uint32(POLYNOMIAL), np.uint32(0))
    return table


_TABLE = _byte_table()


def _after_zeros(count: int) -> np.ndarray:
    """Images of the 32 single-bit registers after `count` zero bytes."""
    power = np.array([1 << i for i in range(32)], np.uint32)
    power = (power >> 8) ^ _TABLE[power & 255]
    result = np.array([1 << i for i in range(32)], np.uint32)
    while count:
        if count & 1:
            result = _apply(power, result)
        power = _apply(power, power)
        count >>= 1
    return result


def _apply(matrix: np.ndarray, registers: np.ndarray) -> np.ndarray:
    out = np.zeros_like(registers)
    for bit in range(32):
        out ^= np.where(registers >> np.uint32(bit) & 1, matrix[bit], np.uint32(0)).astype(np.uint32)
    return out


def crc32c(data: bytes, lanes: int = 16384) -> int:
    """CRC32C of `data`."""
    register = np.array([0xFFFFFFFF], np.uint32)
    each = len(data) // lanes
    if each:
        columns = np.frombuffer(data, np.uint8, each * lanes).reshape(lanes, each).T
        registers = np.zeros(lanes, np.uint32)
        registers[0] = register[0]
        for column in columns:
            registers = (registers >> 8) ^ _TABLE[(registers ^ column) & 255]
        step = each
        while len(registers) > 1:
            registers = _apply(_after_zeros(step), registers[0::2]) ^ registers[1::2]
            step *= 2
        register = registers
    for byte in data[each * lanes :]:
        register = (register >> 8) ^ _TABLE[(register ^ byte) & 255]
    return int(register[0] ^ 0xFFFFFFFF)
