"""Extended protocol `deskwire.v1`: chosen topics, typed values and answered commands."""
