"""How an archive is reached: address, TLS, and secrets, which never come on a command line."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from LNStationLib.support.errors import InputError

TOKEN_VARIABLE = "LNSTATION_DICOMWEB_TOKEN"
USER_VARIABLE, PASSWORD_VARIABLE = "LNSTATION_DICOMWEB_USER", "LNSTATION_DICOMWEB_PASSWORD"
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class ArchiveAccess:
    """An archive and how it is entered; secrets do not show in its representation.

    Attributes:
        url: Of its DICOMweb services.
        ca: File of certificates to trust beside the system's own choice, or ``None``.
        certificate: File with the client's certificate and key, or ``None``.
        token: Bearer token, or ``None``.
        login: User and password, or ``None``; without either requests looks into ``~/.netrc``.
    """

    url: str
    ca: Path | None = None
    certificate: Path | None = None
    token: str | None = field(default=None, repr=False)
    login: tuple[str, str] | None = field(default=None, repr=False)

    @property
    def host(self) -> str:
        """For messages: without path and query."""
        return urlsplit(self.url).hostname or self.url


def archive_access(
    url: str,
    *,
    ca: Path | None = None,
    certificate: Path | None = None,
    token_file: Path | None = None,
    environment: Mapping[str, str] = os.environ,
) -> ArchiveAccess:
    """Check an address and collect the secrets that belong to it.

    Args:
        url: ``https://...`` or ``http://...``.
        ca: File of certificates to trust.
        certificate: The client's certificate with its key.
        token_file: File that holds a bearer token; else the environment may.
        environment: Where token, user and password may stand.

    Raises:
        InputError: The address is none, holds a password, or would send a secret in plain text; a file is missing.
    """
    _check_address(url)
    for what, path in (("--ca", ca), ("--client-certificate", certificate), ("--token-file", token_file)):
        if path is not None and not path.is_file():
            raise InputError(f"{what}: there is no file {path}; check the path.")
    token = environment.get(TOKEN_VARIABLE) if token_file is None else token_file.read_text(encoding="utf-8").strip()
    user, password = environment.get(USER_VARIABLE), environment.get(PASSWORD_VARIABLE)
    login = (user, password) if user and password and not token else None
    access = ArchiveAccess(url.rstrip("/"), ca, certificate, token or None, login)
    _check_secrets(access)
    return access


def _check_address(url: str) -> None:
    try:
        parts = urlsplit(url)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        valid = False
    if not valid:
        raise InputError("the archive's address must begin with https:// (or http://) and name a host.")
    if parts.username or parts.password:
        raise InputError(
            "the archive's address holds a user or password, which a command line would show to everyone: leave them "
            f"out and set {USER_VARIABLE} and {PASSWORD_VARIABLE}, or a token in {TOKEN_VARIABLE} or --token-file."
        )


def _check_secrets(access: ArchiveAccess) -> None:
    plain = urlsplit(access.url).scheme == "http" and access.host not in _LOOPBACK
    if plain and (access.token or access.login):
        raise InputError(
            f"a token or password would be sent to {access.host} in plain text: use an https:// address."
        )
