"""Organs on CT by networks that synthetic patients can teach (SynthSeg; DeepStationing, Sec. 2.1)."""
