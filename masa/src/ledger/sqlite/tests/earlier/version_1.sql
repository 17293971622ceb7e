-- A device that was made here. Its rows follow from the entries of kind 'made' and are there to be found by.
CREATE TABLE device (
    id     INTEGER PRIMARY KEY,
    serial TEXT NOT NULL,
    issuer BLOB NOT NULL,                       -- keyIdentifier of the CA that issued the IDevID
    spki   BLOB NOT NULL UNIQUE,                -- SHA-256 over the SubjectPublicKeyInfo
    UNIQUE (serial, issuer)
) STRICT;

-- The log itself. Indexes have no gaps; entry 0 is the genesis and the only one without a device.
CREATE TABLE entry (
    leaf_index INTEGER PRIMARY KEY,
    leaf_hash  BLOB NOT NULL CHECK (length(leaf_hash) = 32),   -- SHA-256 over a zero octet and the octets (RFC 9162)
    kind       TEXT NOT NULL,
    device     INTEGER REFERENCES device (id),
    once       BLOB,                                    -- what of this kind occurs once for a device: a sequence number, a nonce
    octets     BLOB NOT NULL,
    CHECK ((device IS NULL) = (leaf_index = 0))
) STRICT;

CREATE INDEX entry_by_device ON entry (device);
CREATE UNIQUE INDEX entry_once ON entry (device, kind, once) WHERE once IS NOT NULL;

CREATE TRIGGER device_is_kept BEFORE DELETE ON device BEGIN SELECT RAISE (ABORT, 'a ledger keeps what it has'); END;
CREATE TRIGGER device_is_unchanged BEFORE UPDATE ON device BEGIN SELECT RAISE (ABORT, 'a ledger keeps what it has'); END;
CREATE TRIGGER entry_is_kept BEFORE DELETE ON entry BEGIN SELECT RAISE (ABORT, 'a ledger keeps what it has'); END;
CREATE TRIGGER entry_is_unchanged BEFORE UPDATE ON entry BEGIN SELECT RAISE (ABORT, 'a ledger keeps what it has'); END;
