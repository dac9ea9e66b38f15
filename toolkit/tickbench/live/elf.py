"""As much of ELF (64 bit, little-endian) as is needed to find functions: sections and their symbols.

Objects come out of another process's memory and from files that it has mapped, so that no number in them is believed: what
does not lie within the data is an ElfError.
"""

import mmap
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Buffer = bytes | mmap.mmap

_MAGIC = b"\x7fELF\x02\x01"
_SYMTAB, _FUNCTION, _LOADED = 2, 2, 1  # a section's type, a symbol's type, a segment's type
_SECTION_OFFSET, _SECTION_SIZES, _SEGMENT_OFFSET, _SEGMENT_SIZES = 40, 58, 32, 54  # in the header
_SECTION = np.dtype(
    [
        *(("name", "<u4"), ("type", "<u4"), ("flags", "<u8"), ("address", "<u8"), ("offset", "<u8"), ("size", "<u8")),
        *(("link", "<u4"), ("info", "<u4"), ("align", "<u8"), ("each", "<u8")),
    ]
)
_SYMBOL = np.dtype([("name", "<u4"), ("info", "u1"), ("other", "u1"), ("section", "<u2"), ("value", "<u8"), ("size", "<u8")])
_SEGMENT = np.dtype(
    [
        *(("type", "<u4"), ("flags", "<u4"), ("offset", "<u8"), ("address", "<u8")),
        *(("physical", "<u8"), ("file_size", "<u8"), ("size", "<u8"), ("align", "<u8")),
    ]
)
_LONGEST_NAME = 4096  # numba's names hold the types of all arguments


class ElfError(ValueError):
    """This is no ELF object, or it contradicts itself."""


@dataclass(frozen=True)
class Function:
    """A function: its mangled name, and where its code lies."""

    name: str
    start: int
    end: int


class Elf:
    """An object in a buffer; ElfError if it is none."""

    def __init__(self, data: Buffer) -> None:
        self._data = np.frombuffer(data, dtype=np.uint8)
        if bytes(self._part(0, len(_MAGIC))) != _MAGIC:
            raise ElfError("no ELF object of 64 bit, little-endian")
        self._sections = self._table(_SECTION_OFFSET, _SECTION_SIZES, _SECTION)

    def functions(self) -> Iterator[Function]:
        """Functions with a size; addresses are those of the section headers plus the symbol's value in its section.

        That holds for an object that was loaded for execution: its section headers were given the addresses of its sections.
        """
        for symbols, names in self._symbol_tables():
            chosen = symbols[((symbols["info"] & 15) == _FUNCTION) & (symbols["size"] > 0)]
            for one in chosen[chosen["section"] < self._sections.size]:
                start = (int(self._sections[int(one["section"])]["address"]) + int(one["value"])) & ((1 << 64) - 1)
                yield Function(_text(names, int(one["name"])), start, start + int(one["size"]))

    def symbol_value(self, name: str) -> int | None:
        """The value of a symbol, local ones included; None if there is none of that name."""
        wanted = name.encode() + b"\0"
        for symbols, names in self._symbol_tables():
            text, at = names.tobytes(), -1
            while (at := text.find(wanted, at + 1)) >= 0:
                found = symbols[(symbols["name"] == at) & (symbols["section"] != 0)]
                if found.size:
                    return int(found[0]["value"])
        return None

    def first_address(self) -> int:
        """The address that byte 0 of the file is to be loaded at, of a library."""
        segments = self._table(_SEGMENT_OFFSET, _SEGMENT_SIZES, _SEGMENT)
        loaded = segments[(segments["type"] == _LOADED) & (segments["offset"] == 0)]
        if not loaded.size:
            raise ElfError("the start of the file is not loaded")
        return int(loaded[0]["address"])

    def _symbol_tables(self) -> Iterator[tuple[NDArray[np.void], NDArray[np.uint8]]]:
        for section in self._sections[self._sections["type"] == _SYMTAB]:
            if int(section["link"]) >= self._sections.size:
                raise ElfError("the names of a symbol table are in no section")
            strings = self._sections[int(section["link"])]
            size = int(section["size"]) // _SYMBOL.itemsize * _SYMBOL.itemsize
            symbols = self._part(int(section["offset"]), size).view(_SYMBOL)
            yield symbols, self._part(int(strings["offset"]), int(strings["size"]))

    def _table(self, offset_at: int, sizes_at: int, kind: np.dtype[np.void]) -> NDArray[np.void]:
        offset = int(self._part(offset_at, 8).view("<u8")[0])
        each, count = (int(one) for one in self._part(sizes_at, 4).view("<u2"))
        if count and each != kind.itemsize:
            raise ElfError(f"a table has entries of {each} bytes, expected are {kind.itemsize}")
        return self._part(offset, count * kind.itemsize).view(kind)

    def _part(self, offset: int, size: int) -> NDArray[np.uint8]:
        if offset > self._data.size or size > self._data.size - offset:
            raise ElfError(f"{size} bytes at {offset} are beyond its {self._data.size} bytes")
        return self._data[offset : offset + size].copy()  # a copy: tables need not be aligned


def _text(names: NDArray[np.uint8], at: int) -> str:
    return names[at : at + _LONGEST_NAME].tobytes().partition(b"\0")[0].decode("utf-8", "replace")
