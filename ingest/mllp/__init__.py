"""HL7 v2 over MLLP: frames, what a message deserves, and the sockets (decision 042)."""
