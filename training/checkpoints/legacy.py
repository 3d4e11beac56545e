"""Checks of torch's older kinds of files, so that the restricted loader can open them: for `convert.py` alone.

Owns the check of a file that torch wrote before it had archives (pickles one after the other, then the numbers), and
the unpacking of compressed archives. As in `archive_check.py` nothing is run or built.
"""

import pickletools
import shutil
import struct
import zipfile
from typing import BinaryIO

from training.checkpoints.archive_check import OLD_START, NotAnArchive, check_entries
from training.checkpoints.pickle_check import MAX_PROGRAM_BYTES, ForbiddenContent, PickleChecker, StorageReference

COUNT = struct.Struct("<q")
# Weights hardly shrink (to 93 % here), an optimizer's zeros do; a bomb grows a thousandfold.
MAX_GROWTH = 20
IGNORED = ("PROTO", "EMPTY_LIST", "BINPUT", "LONG_BINPUT", "MARK", "APPEND", "APPENDS", "STOP")


def check_old_structure(handle: BinaryIO, size: int) -> None:
    """Check a file of torch's old format from its first byte to its last; raises NotAnArchive or ForbiddenContent, or
    any error that a damaged file causes."""
    if handle.read(len(OLD_START)) != OLD_START:
        raise NotAnArchive("not of torch's old format")
    storages: dict[str, StorageReference] = {}
    offset = len(OLD_START)
    offset += PickleChecker(lambda storage: False).check(_program_at(handle, offset))  # the machine it was written on
    content = PickleChecker(lambda storage: storages.setdefault(storage.key, storage) == storage, is_old=True)
    offset += content.check(_program_at(handle, offset))
    keys, length = _keys(_program_at(handle, offset))
    offset += length
    if len(set(keys)) != len(keys) or set(keys) != storages.keys():
        raise ForbiddenContent("other tensors than it names")
    for key in keys:
        handle.seek(offset)
        (count,) = COUNT.unpack(handle.read(COUNT.size))
        if count != storages[key].count or not 0 <= storages[key].size <= size:
            raise ForbiddenContent("a tensor longer than its bytes")
        offset += COUNT.size + storages[key].size
    if offset != size:
        raise NotAnArchive("longer or shorter than its tensors")


def _program_at(handle: BinaryIO, offset: int) -> bytes:
    handle.seek(offset)
    return handle.read(MAX_PROGRAM_BYTES)


def _keys(program: bytes) -> tuple[list[str], int]:
    """A pickled list of names, and the bytes it takes."""
    keys, end = [], 0
    for operation, argument, offset in pickletools.genops(program):
        end = offset + 1
        if operation.name == "BINUNICODE":
            keys.append(argument)
        elif operation.name not in IGNORED:
            raise ForbiddenContent(f"the operation {operation.name}")
    return keys, end


def unpack_archive(handle: BinaryIO, size: int, into: BinaryIO, max_bytes: int) -> None:
    """Write a compressed torch archive as a stored one; raises NotAnArchive or ForbiddenContent, or any error that a
    damaged file causes."""
    with zipfile.ZipFile(handle) as archive, zipfile.ZipFile(into, "w", zipfile.ZIP_STORED) as stored:
        check_entries(archive)
        if sum(entry.file_size for entry in archive.infolist()) > min(max_bytes, MAX_GROWTH * size):
            raise ForbiddenContent("entries larger than they can be")
        for entry in archive.infolist():
            with archive.open(entry) as packed, stored.open(entry.filename, "w") as unpacked:
                shutil.copyfileobj(packed, unpacked)
