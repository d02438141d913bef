"""Importing aiohttp for its server alone.

Two things of its client and of its file server are made when it is imported, and never used here:
TLS contexts with every authority that the machine trusts, 2 MiB resident (pictures are fetched with
a context of their own), and twice the machine's table of files' types, a third of one. So while it
is imported OpenSSL is told of a file without any authority, and `mimetypes` of no tables.

Source: SSL_CTX_set_default_verify_paths(3) for the variable.
"""

import mimetypes
import os
from collections.abc import Iterator
from contextlib import contextmanager

AUTHORITIES = "SSL_CERT_FILE"


@contextmanager
def serving_only() -> Iterator[None]:
    """Have what is imported meanwhile know no authority and no type; for a program's start."""
    file, tables = os.environ.get(AUTHORITIES), mimetypes.knownfiles
    os.environ[AUTHORITIES] = os.devnull
    mimetypes.knownfiles = []
    try:
        yield
    finally:
        mimetypes.knownfiles = tables
        del os.environ[AUTHORITIES]
        if file is not None:
            os.environ[AUTHORITIES] = file
