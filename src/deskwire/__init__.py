"""deskwire: one person's Linux session, live on every phone, browser and terminal."""

__version__ = "0.1.0"
