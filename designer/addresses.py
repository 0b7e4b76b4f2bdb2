"""An endpoint's address, and the secrets that people put into one."""

from __future__ import annotations

from urllib.parse import urlsplit

HIDDEN = "an address with a secret"
SIGNS = "@?#"


def has_secret(address: str) -> bool:
    """Say whether an address may hold a user, a password or a query: where people put keys."""
    return any(sign in address for sign in SIGNS)


def secrets_of(address: str) -> list[str]:
    """Return what must not be quoted of an address, the longest first."""
    try:
        parts = urlsplit(address)
        found = {address, parts.netloc.rpartition("@")[0], parts.password or "", parts.query, parts.fragment}
    except ValueError:
        return [address]
    return sorted(found - {""}, key=len, reverse=True) if has_secret(address) else []


def without_secret(address: str) -> str:
    """Return an address as it may be shown: scheme, host, port and path."""
    if not has_secret(address):
        return address
    try:
        parts = urlsplit(address)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:  # a port that is no number
        return HIDDEN
    return f"{parts.scheme}://{parts.hostname}{port}{parts.path}" if parts.hostname else HIDDEN
