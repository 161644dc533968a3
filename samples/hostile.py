"""Files that break readers: bombs, loops, lies, halves. Invented here, and small: what they expand to is not.

    for name, make in HOSTILE.items():
        data = make()

Used by tests/sandbox and benchmarks/hostile.py. The largest bombs take some seconds to make.
"""

from __future__ import annotations

import base64
import io
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping

from PIL import Image

Make = Callable[[], bytes]
SIDE = 40_000  # pixels of a side of the bombs: 1.6 gigapixels


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _zeros(size: int) -> bytes:
    """A deflate stream of so many zero bytes."""
    packer, out = zlib.compressobj(9), []
    block = bytes(1 << 20)
    for start in range(0, size, len(block)):
        out.append(packer.compress(block[: min(len(block), size - start)]))
    return b"".join(out) + packer.flush()


def png(width: int = SIDE, height: int = SIDE, depth: int = 1, color: int = 0) -> bytes:
    """A black picture, whole."""
    channels = {0: 1, 2: 3, 6: 4}[color]
    header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0)
    rows = _zeros(height * (1 + -(-width * depth * channels // 8)))
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", rows) + _chunk(b"IEND", b"")


def png_with_text_bomb() -> bytes:
    """100 MB of comment in 100 KB."""
    small = png(100, 100, 8)
    text = b"Comment\0\0" + _zeros(100_000_000)
    return small[:33] + _chunk(b"zTXt", text) + small[33:]


def tiff(width: int = SIDE, height: int = SIDE, *, frames: int = 1, loops: bool = False) -> bytes:
    """A picture of one bit a pixel in one deflated strip; `loops`: its last directory points at the first."""
    strip = _zeros(height * -(-width // 8))
    out = bytearray(b"II*\0" + struct.pack("<I", 8 + len(strip) + len(strip) % 2) + strip + b"\0" * (len(strip) % 2))
    first = len(out)
    tags = (
        *((256, 4, width), (257, 4, height), (258, 3, 1), (259, 3, 8), (262, 3, 1), (273, 4, 8)),
        *((277, 3, 1), (278, 4, height), (279, 4, len(strip))),
    )
    for frame in range(frames):
        out += struct.pack("<H", len(tags))
        for tag, kind, value in tags:
            out += struct.pack("<HHII", tag, kind, 1, value)
        last = frame == frames - 1
        out += struct.pack("<I", (first if loops else 0) if last else len(out) + 4)
    return bytes(out)


def picture(kind: str, mode: str = "RGB", size: tuple[int, int] = (300, 200), **options: object) -> bytes:
    """A plain picture of a format and a mode."""
    out = io.BytesIO()
    Image.new(mode, size, 0).save(out, kind, **options)
    return out.getvalue()


def turned() -> bytes:
    """A JPEG that says to be turned, in a damaged EXIF block too."""
    exif = Image.Exif()
    exif[0x0112] = 6
    return picture("JPEG", exif=exif.tobytes())


def animated(kind: str, frames: int = 5) -> bytes:
    out = io.BytesIO()
    drawn = [Image.new("L", (64, 64), 40 * n) for n in range(frames)]
    drawn[0].save(out, kind, save_all=True, append_images=drawn[1:])
    return out.getvalue()


CDA_START = '<?xml version="1.0" encoding="UTF-8"?>{doctype}<ClinicalDocument xmlns="urn:hl7-org:v3"{attributes}>'
CDA_END = "</ClinicalDocument>"
SECTION = (
    "<component><structuredBody><component><section><text>{text}</text></section></component></structuredBody>"
    "</component>"
)


def cda(text: str = "Sans particularité.", *, doctype: str = "", attributes: str = "") -> bytes:
    start = CDA_START.format(doctype=doctype, attributes=attributes)
    return (start + SECTION.format(text=text) + CDA_END).encode()


def cda_around(inner: bytes) -> bytes:
    """A CDA document of level 1 whose body is another file."""
    body = f'<text representation="B64">{base64.b64encode(inner).decode()}</text>'
    return (
        CDA_START.format(doctype="", attributes="")
        + f"<component><nonXMLBody>{body}</nonXMLBody></component>"
        + CDA_END
    ).encode()


def laughs(levels: int = 9) -> str:
    entities = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, levels + 1))
    return f'<!DOCTYPE ClinicalDocument [<!ENTITY l0 "lol">{entities}]>'


def nested(levels: int) -> bytes:
    return cda("<paragraph>" * levels + "fond" + "</paragraph>" * levels)


def pdf(content: bytes, *, box: str = "0 0 595 842", objects: Mapping[int, bytes] = {}, resources: str = "") -> bytes:
    """A PDF of one page with this content stream (deflated), further objects from 10 on, and these resources."""
    parts = {
        1: b"<< /Type /Catalog /Pages 2 0 R >>",
        2: b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        3: f"<< /Type /Page /Parent 2 0 R /MediaBox [{box}] /Contents 4 0 R /Resources << "
        f"/Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> {resources} >> >>".encode(),
        4: stream(zlib.compress(content, 9)),
        **objects,
    }
    return assembled(parts)


def stream(deflated: bytes, extra: str = "") -> bytes:
    head = f"<< /Length {len(deflated)} /Filter /FlateDecode {extra} >>\nstream\n".encode()
    return head + deflated + b"\nendstream"


def assembled(parts: Mapping[int, bytes], root: int = 1) -> bytes:
    """Objects, their table and trailer."""
    out, places = bytearray(b"%PDF-1.7\n"), {}
    for number, body in parts.items():
        places[number] = len(out)
        out += f"{number} 0 obj\n".encode() + body + b"\nendobj\n"
    start, size = len(out), max(parts) + 1
    out += f"xref\n0 {size}\n".encode()
    for number in range(size):
        out += f"{places[number]:010d} 00000 n \n".encode() if number in places else b"0000000000 65535 f \n"
    return bytes(out) + f"trailer\n<< /Size {size} /Root {root} 0 R >>\nstartxref\n{start}\n%%EOF\n".encode()


def pdf_of_pages(count: int) -> bytes:
    kids = " ".join(f"{n} 0 R" for n in range(10, 10 + count))
    parts = {
        1: b"<< /Type /Catalog /Pages 2 0 R >>",
        2: f"<< /Type /Pages /Kids [{kids}] /Count {count} /MediaBox [0 0 595 842] >>".encode(),
        4: stream(zlib.compress(b"BT /F1 12 Tf 50 700 Td (Feuille) Tj ET")),
    }
    page = (
        b"<< /Type /Page /Parent 2 0 R /Contents 4 0 R /Resources << /Font << /F1 << /Type /Font /Subtype /Type1 "
        b"/BaseFont /Helvetica >> >> >> >>"
    )
    return assembled(parts | dict.fromkeys(range(10, 10 + count), page))


def pdf_of_forms(depth: int = 10, width: int = 10) -> bytes:
    """Each form draws the next one ten times: 10^10 drawings of one word."""
    forms = {}
    for level in range(depth):
        last = level == depth - 1
        drawn = b"BT /F1 8 Tf 50 50 Td (mot) Tj ET" if last else b"/X Do " * width
        below = "" if last else f"/XObject << /X {11 + level} 0 R >>"
        font = "/Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >>"
        extra = f"/Type /XObject /Subtype /Form /BBox [0 0 595 842] /Resources << {font} {below} >>"
        forms[10 + level] = stream(zlib.compress(drawn), extra)
    return pdf(b"/X Do", objects=forms, resources="/XObject << /X 10 0 R >>")


def pdf_of_image(width: int = SIDE, height: int = SIDE) -> bytes:
    extra = (
        f"/Type /XObject /Subtype /Image /Width {width} /Height {height} /BitsPerComponent 1 /ColorSpace /DeviceGray"
    )
    image = stream(_zeros(height * -(-width // 8)), extra)
    return pdf(b"q 595 0 0 842 0 0 cm /I Do Q", objects={10: image}, resources="/XObject << /I 10 0 R >>")


def zip_of(name: str, data: bytes, levels: int = 1) -> bytes:
    """A zip in a zip in a zip."""
    for level in range(levels):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(name if level == 0 else f"{level}.zip", data)
        data = out.getvalue()
    return data


def in_each_other(levels: int) -> bytes:
    data = cda()
    for _ in range(levels):
        data = cda_around(data)
    return data


_WORDS = "Le patient ne présente aucune allergie connue à ce jour. "
PICTURES: dict[str, Make] = {
    "bomb.png": png,
    "bomb-rgba.png": lambda: png(20_000, 20_000, 8, 6),
    "at-the-limit.png": lambda: png(9_990, 9_990, 8, 2),
    "text-bomb.png": png_with_text_bomb,
    "bomb.tif": tiff,
    "3000-frames.tif": lambda: tiff(64, 64, frames=3_000),
    "loop.tif": lambda: tiff(64, 64, frames=3, loops=True),
    "cut.png": lambda: picture("PNG", size=(900, 900))[:200],
    "cut.jpg": lambda: picture("JPEG", size=(900, 900))[:700],
    "cut.tif": lambda: picture("TIFF", size=(900, 900))[:500],
    "lies.png": lambda: b"\x89PNG\r\n\x1a\n" + b"ceci n'est pas une image" * 9,
    "lies.jpg": lambda: b"\xff\xd8\xff" + bytes(500),
    "header-only.tif": lambda: b"II*\0\x08\0\0\0",
    "animated.gif": lambda: animated("GIF"),
    "animated.png": lambda: animated("PNG"),
    "animated.webp": lambda: animated("WEBP"),
    "pages.tif": lambda: animated("TIFF"),
    "cmyk.jpg": lambda: picture("JPEG", "CMYK"),
    "16-bit.png": lambda: picture("PNG", "I;16"),
    "float.tif": lambda: picture("TIFF", "F"),
    "palette.png": lambda: picture("PNG", "P"),
    "turned.jpg": turned,
    "one-pixel.png": lambda: png(1, 1, 8),
    "thin.png": lambda: png(60_000, 1, 8),
}
XML: dict[str, Make] = {
    "laughs.xml": lambda: cda("&l9;", doctype=laughs()),
    "laughs-in-attribute.xml": lambda: cda(doctype=laughs(), attributes=' id="&l9;"'),
    "quadratic.xml": lambda: cda("&a;" * 9_000, doctype=f'<!DOCTYPE ClinicalDocument [<!ENTITY a "{"x" * 30_000}">]>'),
    "quadratic-in-attribute.xml": lambda: cda(
        doctype=f'<!DOCTYPE ClinicalDocument [<!ENTITY a "{"x" * 30_000}">]>', attributes=f' id="{"&a;" * 9_000}"'
    ),
    "external.xml": lambda: cda(
        "&x;", doctype='<!DOCTYPE ClinicalDocument [<!ENTITY x SYSTEM "file:///etc/hostname">]>'
    ),
    "external-dtd.xml": lambda: cda(doctype='<!DOCTYPE ClinicalDocument SYSTEM "http://127.0.0.1:9/x.dtd">'),
    "parameter.xml": lambda: cda(
        doctype='<!DOCTYPE ClinicalDocument [<!ENTITY % x SYSTEM "file:///etc/hostname"> %x;]>'
    ),
    "late-doctype.xml": lambda: (
        b'<?xml version="1.0"?><!--' + b"x" * 100_000 + b"-->" + cda("&l9;", doctype=laughs()).split(b"?>", 1)[1]
    ),
    "deep.xml": lambda: nested(100_000),
    "deep-but-legal.xml": lambda: nested(190),
    "wide.xml": lambda: cda("<br/>" * 1_000_000),
    "attributes.xml": lambda: cda(attributes="".join(f' a{n}="x"' for n in range(100_000))),
    "one-text.xml": lambda: cda(_WORDS * 300_000),
    "utf-16.xml": lambda: cda().decode().replace("UTF-8", "UTF-16").encode("utf-16"),
    "include.xml": lambda: cda('<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="/etc/hostname"/>'),
    "cut.xml": lambda: cda()[:-20],
    "in-each-other.xml": lambda: in_each_other(6),
    "bomb-inside.xml": lambda: cda_around(pdf_of_forms()),
    "picture-inside.xml": lambda: cda_around(png()),
}
PDF: dict[str, Make] = {
    "5000-pages.pdf": lambda: pdf_of_pages(5_000),
    "2000-pages.pdf": lambda: pdf_of_pages(2_000),
    "forms.pdf": pdf_of_forms,
    "image.pdf": pdf_of_image,
    "stream-bomb.pdf": lambda: pdf(b"BT /F1 12 Tf " + b"(" + b"x" * 200 + b") Tj " * 1_000_000 + b"ET"),
    "zeros.pdf": lambda: assembled(
        {
            1: b"<< /Type /Catalog /Pages 2 0 R >>",
            2: b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            3: b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R >>",
            4: stream(_zeros(1_500_000_000)),
        }
    ),
    "much-text.pdf": lambda: pdf(b"BT /F1 1 Tf 0 800 Td " + b"(" + b"mot " * 50_000 + b") Tj " * 150 + b"ET"),
    "arrays.pdf": lambda: pdf(b"[" * 500_000 + b"]" * 500_000 + b" TJ"),
    "huge-page.pdf": lambda: pdf(b"0 0 m 100 100 l S", box="0 0 14400000 14400000"),
    "no-size.pdf": lambda: pdf(b"BT /F1 12 Tf (mot) Tj ET", box="0 0 0 0"),
    "tree-loop.pdf": lambda: assembled(
        {
            1: b"<< /Type /Catalog /Pages 2 0 R >>",
            2: b"<< /Type /Pages /Kids [5 0 R] /Count 9 >>",
            5: b"<< /Type /Pages /Kids [2 0 R] /Parent 2 0 R /Count 9 >>",
        }
    ),
    "own-length.pdf": lambda: pdf(b"q Q", objects={10: b"<< /Length 10 0 R >>\nstream\nx\nendstream"}),
    "cut.pdf": lambda: pdf(b"q Q" * 1000)[:-150],
    "empty.pdf": lambda: b"%PDF-1.7\n%%EOF\n",
}
OTHERS: dict[str, Make] = {
    "zip.pdf": lambda: zip_of("a.txt", b"mot"),
    "zip-bomb.zip": lambda: zip_of("a.txt", bytes(50_000_000), levels=4),
    "zip-bomb.docx": lambda: zip_of("word/document.xml", bytes(50_000_000)),
    "nul.txt": lambda: _WORDS.encode() * 20 + bytes(1000) + _WORDS.encode(),
    "surrogates.txt": lambda: (_WORDS + "\ud800 et \udfff seuls, \U0001f600 entier").encode("utf-8", "surrogatepass"),
    "marks.txt": lambda: ("a" + "\u0301\u0323" * 400_000).encode(),
    "marks-in-head.txt": lambda: ("a" + "\u0301\u0323" * 16_000).encode(),
    "one-line.txt": lambda: _WORDS.encode() * 100_000,
    "too-much.txt": lambda: _WORDS.encode() * 400_000,
    "no-space.txt": lambda: b"x" * 5_000_000,
    "form-feeds.txt": lambda: b"a\x0c" * 5_000,
    "binary-tail.txt": lambda: _WORDS.encode() * 2_000 + bytes(range(256)) * 2_000,
    "nothing.txt": lambda: b"",
    "blank.txt": lambda: b" \n" * 100,
}
HOSTILE: dict[str, dict[str, Make]] = {"pictures": PICTURES, "XML": XML, "PDF": PDF, "others": OTHERS}
