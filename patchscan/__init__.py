"""patchscan reads a Linux kernel patch series and says what a careful reviewer would say."""

__version__ = "0.1.0"
