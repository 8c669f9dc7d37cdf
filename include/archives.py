"""Zip archives: equal files make equal bytes, and whoever unpacks them may read them."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping

# The oldest time that a zip can hold.
ZIP_TIME = (1980, 1, 1, 0, 0, 0)
# Lambda runs code as another user than the one it is unpacked for, and needs it readable by everyone:
# https://docs.aws.amazon.com/lambda/latest/dg/configuration-function-zip.html
FILE_MODE = 0o100644


def archive(files: Mapping[str, bytes]) -> bytes:
    """Zip files, by their names in the archive."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as target:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, ZIP_TIME)
            entry.external_attr = FILE_MODE << 16
            entry.create_system = 3  # Unix, wherever it is built
            entry.compress_type = zipfile.ZIP_DEFLATED
            target.writestr(entry, files[name])
    return buffer.getvalue()
