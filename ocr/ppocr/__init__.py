"""PP-OCRv6 small, two networks run by onnxruntime: one finds the lines of a page, one spells them."""
