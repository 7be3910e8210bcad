"""Reading single members out of a zip archive on a host, by their byte ranges."""

import io
import struct
import zipfile
import zlib
from pathlib import PurePosixPath

from pgt_lora.core.errors import InputError
from pgt_lora.data.fetch import IMAGE_BYTES, Missing, Wait, read_range

LOCAL_HEADER = struct.Struct("<26xHH")  # of a member: the lengths of its name and of its extra field come last
DIRECTORY_BYTES = 256 << 20  # of millions of members
EXTRA = 256  # bytes asked for beyond a local header, for the extra field, whose length stands only there


def read_directory(url: str, wait: Wait) -> dict[str, zipfile.ZipInfo]:
    """Return the members of a remote zip by name, having fetched nothing but its directory.

    Raises:
        InputError: a member's path is absolute or leads out of the archive, or this is no zip.
        Missing: the host refuses the file, or serves no ranges.
    """
    try:
        with zipfile.ZipFile(_Remote(url, wait)) as archive:
            members = archive.infolist()
    except zipfile.BadZipFile as error:
        raise Missing(f"not a zip archive ({error})") from error
    for member in members:
        path = PurePosixPath(member.filename.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts or (path.parts and ":" in path.parts[0]):
            raise InputError(
                f"{url}: its member {member.filename!r} points outside the archive; the archive is refused"
            )
    return {member.filename: member for member in members if not member.is_dir()}


def read_member(url: str, member: zipfile.ZipInfo, wait: Wait) -> bytes:
    """Return one member of a remote zip, having fetched its own range alone, and checked its sum.

    The local file header is that of APPNOTE.TXT, section 4.3.7. (`zipfile` reads through one shared file position, so
    threads would wait for each other.)

    Raises:
        Missing: the member is damaged, encrypted, larger than an image, or compressed otherwise than by deflation.
    """
    if max(member.file_size, member.compress_size) > IMAGE_BYTES:
        raise Missing(f"a member of {member.file_size:,} bytes, more than the {IMAGE_BYTES:,} that are allowed")
    length = LOCAL_HEADER.size + len(member.orig_filename.encode()) + EXTRA + member.compress_size
    data, _ = read_range(url, member.header_offset, length, wait)
    if data[:4] != b"PK\x03\x04" or member.flag_bits & 1 or member.compress_type not in (0, 8):
        raise Missing("a damaged, encrypted or unusually compressed member")
    start = LOCAL_HEADER.size + sum(LOCAL_HEADER.unpack_from(data))
    if len(data) < start + member.compress_size:  # a long extra field
        data, _ = read_range(url, member.header_offset, start + member.compress_size, wait)
    body = data[start : start + member.compress_size]
    try:
        if member.compress_type == zipfile.ZIP_DEFLATED:  # one byte more than is declared, and it is refused below
            body = zlib.decompressobj(-zlib.MAX_WBITS).decompress(body, member.file_size + 1)
    except zlib.error as error:
        raise Missing(f"a damaged member ({error})") from error
    if len(body) != member.file_size or zlib.crc32(body) != member.CRC:
        raise Missing("a damaged member (its size or its check sum is another)")
    return body


class _Remote(io.RawIOBase):
    """A remote file as `zipfile` wants it: every read is one request."""

    def __init__(self, url: str, wait: Wait) -> None:
        self._url, self._wait, self._place = url, wait, 0
        # The end of the archive says where its directory is; zipfile looks for it in the last 64 KiB.
        self._tail, self._size = read_range(url, -(1 << 16), 1 << 16, wait)

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._place = offset + (0, self._place, self._size)[whence]
        return self._place

    def read(self, size: int = -1) -> bytes:
        end = self._size if size < 0 else min(self._size, self._place + size)
        first = self._size - len(self._tail)
        if self._place >= first:
            data = self._tail[self._place - first : end - first]
        else:
            if end - self._place > DIRECTORY_BYTES:
                raise Missing(f"a directory of {end - self._place:,} bytes, more than {DIRECTORY_BYTES:,}")
            data, _ = read_range(self._url, self._place, end - self._place, self._wait)
        self._place += len(data)
        return data
