"""What one child may use. The kernel enforces most of it, the client's watch the sums over a child and its programs."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Bounds:
    """The defaults let through twenty pages of OCR on a slow machine, and a page of 100 million points."""

    cpu: int = 600  # seconds of processor, the child and Tesseract together
    wall: int = 1200  # seconds from start to end; a child that waits for nothing is killed all the same
    memory: int = 1024 * MIB  # bytes resident, the child and Tesseract together; all children too; data in each
    address: int = 4096 * MIB  # bytes of address space of each
    file: int = 512 * MIB  # bytes of one temporary file
    files: int = 64  # open at once
    processes: int = 6  # the child, Tesseract, its helpers
    answer: int = 256 * MIB  # bytes that the client accepts, all pages together
    ocr_pages: int = 20  # read by OCR before the job goes back to the queue
    slice: int = 300  # seconds of OCR after which it goes back too
