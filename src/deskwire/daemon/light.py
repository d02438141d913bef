"""Importing aiohttp for its server alone.

aiohttp makes its client's TLS contexts when it is imported, each with every authority that the
machine trusts: 2 MiB resident. The daemon is nobody's client by aiohttp (pictures are fetched with
a context of their own), so while it is imported OpenSSL is told of a file without any.

Source: SSL_CTX_set_default_verify_paths(3) for the variable.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager

AUTHORITIES = "SSL_CERT_FILE"


@contextmanager
def trusting_nobody() -> Iterator[None]:
    """Have TLS contexts that are made meanwhile hold no authority; for a program's start."""
    kept = os.environ.get(AUTHORITIES)
    os.environ[AUTHORITIES] = os.devnull
    try:
        yield
    finally:
        del os.environ[AUTHORITIES]
        if kept is not None:
            os.environ[AUTHORITIES] = kept
