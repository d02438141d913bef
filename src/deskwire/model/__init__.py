"""The vocabulary: a desk at one moment, what may be asked of it, who may ask, what can go wrong."""
