"""One small file a format: bytes come in, a `Reading` without passages goes out, or a Refusal."""
