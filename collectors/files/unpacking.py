"""Unpacking: a file's bytes in UTF-8, whether it is gzip, zstd, UTF-16 or plain.

What unpacks to too much, or is damaged, says so.
"""

import codecs
import itertools
import zlib
from collections.abc import Iterable, Iterator
from typing import BinaryIO

import pyarrow as pa

from collectors.files.reading import BOM, Limits, Reading
from store.errors import FormatError

CHUNK = 1 << 20
GZIP, ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
WIDE = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)  # what `>` writes in PowerShell


def is_packed(stream: BinaryIO) -> bool:
    """Whether the file is gzip, zstd or UTF-16; the stream stands at its start before and after."""
    start = stream.read(len(ZSTD))
    stream.seek(0)
    return start.startswith((GZIP, ZSTD, *WIDE))


def unpacked(stream: BinaryIO, reading: Reading, limits: Limits) -> Iterator[bytes]:
    """The file's bytes in chunks, unpacked if it is gzip (also several members) or zstd, as UTF-8 without a BOM.

    Raises FormatError when it unpacks to more than the limits allow or is damaged.
    """
    first = stream.read(CHUNK)
    packed = itertools.chain([first], iter(lambda: stream.read(CHUNK), b""))
    if first.startswith(GZIP):
        chunks = _gunzipped(packed, reading)
    elif first.startswith(ZSTD):
        chunks = _unzstd(stream, reading)
    elif first.startswith(WIDE):
        chunks = _narrowed(packed)
    else:
        chunks = packed
    for number, chunk in enumerate(_capped(chunks, stream, reading, limits)):
        yield chunk.removeprefix(BOM) if number == 0 else chunk


def _capped(chunks: Iterable[bytes], stream: BinaryIO, reading: Reading, limits: Limits) -> Iterator[bytes]:
    for chunk in chunks:
        reading.bytes_read += len(chunk)
        allowed = max(64 << 20, stream.tell() * limits.ratio)
        if reading.bytes_read > min(allowed, limits.unpacked_bytes):
            raise FormatError(f"{reading.file}: unpacks to more than {reading.bytes_read >> 20} MiB; split the file")
        yield chunk


def _gunzipped(packed: Iterable[bytes], reading: Reading) -> Iterator[bytes]:
    """A stream that ends in the middle raises nothing in zlib: only `eof` tells."""
    inflater = zlib.decompressobj(31)
    for read in packed:
        data = read
        try:
            while data:
                if inflater.eof:
                    if not data.startswith(GZIP):  # padding after the last member
                        return
                    inflater = zlib.decompressobj(31)
                if chunk := inflater.decompress(data, CHUNK):
                    yield chunk
                data = inflater.unused_data if inflater.eof else inflater.unconsumed_tail
        except zlib.error as error:
            raise FormatError(f"{reading.file}: damaged gzip ({error}); send it again") from error
    reading.truncated = not inflater.eof


def _narrowed(wide: Iterable[bytes]) -> Iterator[bytes]:
    """Turn UTF-16 into UTF-8; half a character becomes the mark for one that cannot be read."""
    decoder = codecs.getincrementaldecoder("utf-16")("replace")
    for chunk in wide:
        yield decoder.decode(chunk).encode("utf-8", "replace")
    yield decoder.decode(b"", final=True).encode()


def _unzstd(stream: BinaryIO, reading: Reading) -> Iterator[bytes]:
    stream.seek(0)
    try:
        with pa.CompressedInputStream(pa.PythonFile(stream, mode="r"), "zstd") as inflater:
            while chunk := inflater.read(CHUNK):
                yield chunk
    except OSError as error:
        if "truncated" not in str(error).lower() and "eof" not in str(error).lower():
            raise FormatError(f"{reading.file}: damaged zstd ({error}); send it again") from error
        reading.truncated = True
