"""Players as MPRIS tells of them: what one said, where it is in its track, which are there."""
