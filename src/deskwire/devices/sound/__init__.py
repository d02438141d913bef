"""The sound server: PulseAudio, or PipeWire, which speaks the same protocol."""
