# SPDX-License-Identifier: BSL-1.0
"""Reads a journal's file by its documented format, independently of the library."""

import struct

HEADER_SIZE = 56
HEAD_SIZE = 16


def _table():
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return table


_TABLE = _table()


def crc32c(data, before=0):
    crc = before ^ 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ _TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


class Frame:
    def __init__(self, offset, end, records):
        self.offset = offset
        self.end = end
        self.records = records  # of (index, None or (error, effect, confirmed))


def _number(payload, at):
    value = shift = 0
    while True:
        byte = payload[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at


def _records(payload):
    at = 0
    while at < len(payload):
        kind = payload[at]
        index, at = _number(payload, at + 1)
        if kind == 1:
            yield index, None
            continue
        assert kind == 2, kind
        flags = payload[at]
        error, at = _number(payload, at + 1)
        yield index, (error, ["none", "applied", "unknown"][flags & 3], bool(flags & 4))


def read_frames(data, begin=HEADER_SIZE):
    """Every valid frame of a journal from there on, up to its end or to the first one that is not."""
    assert data[:8] == b"\x89WRJ\r\n\x1a\n" and data[8:12] == b"\1\0\0\0", data[:12]
    assert crc32c(data[:52]) == struct.unpack_from("<I", data, 52)[0]
    frames = []
    at = begin
    while at + HEAD_SIZE <= len(data):
        magic, size, of_payload, of_head = struct.unpack_from("<4sIII", data, at)
        place = data[52:56] + struct.pack("<Q", at)
        payload = data[at + HEAD_SIZE:at + HEAD_SIZE + size]
        if (magic != b"\xf7WRF" or of_head != crc32c(data[at:at + 12], crc32c(place)) or len(payload) != size or
                of_payload != crc32c(payload)):
            break
        frames.append(Frame(at, at + HEAD_SIZE + size, list(_records(payload))))
        at = frames[-1].end
    return frames


def done_in(frames):
    """The operations whose last record says that they are done."""
    last = {}
    for frame in frames:
        last.update(frame.records)
    return {index for index, outcome in last.items() if outcome and (outcome[0] == 0 or outcome[1] == "applied")}
