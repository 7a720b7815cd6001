"""Data security: encrypted storage, access control, secure transport, tamper-evident log.

    from labkit.security import Vault, AccessControl, Ledger

Names load their module when first used, so that importing this package costs nothing.
"""

from importlib import import_module

_HOME = {
    "stream": ["seal", "unseal", "sealed_size", "IntegrityError"],
    "atomic": ["write_atomically"],
    "envelope": ["derive_key", "wrap_key", "unwrap_key", "VaultError"],
    "vault": ["Vault", "RollbackError"],
    "policy": ["AccessControl", "AccessDenied", "Decision", "Rule"],
    "certificates": ["CertificateAuthority", "Identity"],
    "transport": ["serve", "ask", "Refused"],
    "wire": ["Recorder", "hexdump", "tls_records"],
    "merkle": ["Tree", "leaf_hash", "node_hash", "verify_inclusion", "verify_consistency"],
    "ledger": ["Ledger", "LedgerError", "TreeHead", "check_entry", "check_extension"],
}
_WHERE = {name: module for module, names in _HOME.items() for name in names}
__all__ = sorted(_WHERE)


def __getattr__(name):
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)


def __dir__():
    return __all__
