"""Data security: encrypted storage, access control, secure transport, tamper-evident log.

    from labkit.security import Vault, AccessControl, Ledger

Names load their module when first used, so that importing this package costs nothing.
"""

from labkit.lazy import lazy_names

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
__getattr__, __dir__, __all__ = lazy_names(__name__, _HOME)
