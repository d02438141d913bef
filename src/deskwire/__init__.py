"""deskwire: one person's Linux session, live on any screen."""

__version__ = "0.1.0"
