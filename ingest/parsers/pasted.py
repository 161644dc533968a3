"""Pictures pasted into a letter (Word, OpenDocument, RTF, HTML): a scanned page is read, a logo or an icon is not."""

from __future__ import annotations

from io import BytesIO

from PIL import Image

PAGE_SIDE = 600  # pixels of the shorter side from which a picture may hold a page of text: A5 at 100 dpi


def holds_a_page(data: bytes) -> bool:
    """Whether a picture is large enough to be a scanned page, by the size that its header states."""
    try:
        with Image.open(BytesIO(data)) as picture:
            return min(picture.size) >= PAGE_SIDE
    except Image.DecompressionBombError:
        return True  # its own parser refuses it, with the reason
    except Exception:  # what Pillow raises on damaged bytes has no bounds
        return False
