"""A network at work: one thread, and memory that is given back."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float32]


class Network:
    """Runs a network of one input and one output on pictures, and gives back what it took after the last of a page.

    An arena takes memory from the system once instead of at each operation, each time with page faults: in the sandbox,
    where what is large goes back at once, a third of the finding network's time (docs/decisions/099).
    """

    def __init__(self, model: Any) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1  # a pool of threads does not survive a fork
        options.log_severity_level = 3
        options.enable_mem_pattern = False  # one is kept for each size of picture, and pages differ
        self._emptied = onnxruntime.RunOptions()
        self._emptied.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
        self._session = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )

    def chances(self, picture: Values, *, last: bool = True) -> Values:
        """What it gives for a picture (1, 1, height, width). `last`: the next belongs to another page."""
        (chances,) = self._session.run(None, {"x": picture}, self._emptied if last else None)
        return np.asarray(chances)
