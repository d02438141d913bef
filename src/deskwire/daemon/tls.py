"""The certificate while the daemon runs: taken from its files at the start, and again when asked.

The desk's own is looked at once a day, and only when somebody comes: a desk that nobody visits
needs no certificate, and no timer.
"""

import logging
import ssl
from pathlib import Path

from deskwire.daemon.config.settings import Server
from deskwire.model.problems import StateUnavailable
from deskwire.server.net.certificates import (
    fingerprint,
    own_certificate,
    reload_certificate,
    server_context,
)

log = logging.getLogger("deskwire")


class TlsCertificate:
    """The doors' certificate."""

    def __init__(self, server: Server) -> None:
        """Take it, made if it is our own and there is none; blocks. Raises `StateUnavailable`."""
        certificate, key = files(server)
        self.context: ssl.SSLContext = server_context(certificate, key)
        self.fingerprint = fingerprint(certificate)

    def reload(self, server: Server) -> None:
        """Take what is in the files now, our own renewed if it is old; blocks.

        A broken one changes nothing and is one line in the log.
        """
        try:
            certificate, key = files(server)
            reload_certificate(self.context, certificate, key)
            found = fingerprint(certificate)
        except (StateUnavailable, OSError) as problem:
            why = problem.message if isinstance(problem, StateUnavailable) else problem.strerror
            log.warning("the certificate stays as it was: %s", why)
            return
        if found != self.fingerprint:
            self.fingerprint = found
            log.info("new certificate  SHA-256 %s", found)


def files(server: Server) -> tuple[Path, Path]:
    """Return where the certificate and its key are; the desk's own are made or renewed."""
    if server.certificate is not None and server.key is not None:
        return server.certificate, server.key
    return own_certificate(server.state_dir / "tls")
