-- The log itself. Indexes have no gaps; entry 0 is the genesis.
CREATE TABLE entry (
    leaf_index INTEGER PRIMARY KEY,
    leaf_hash  BLOB NOT NULL CHECK (length(leaf_hash) = 32),   -- SHA-256 over a zero octet and the octets (RFC 9162)
    kind       TEXT NOT NULL,
    device     INTEGER CHECK (device BETWEEN 1 AND leaf_index), -- the entry that made the device it speaks of; none if it speaks of many, or of the log itself
    once       BLOB,                                           -- what of this kind occurs once for a device: a sequence number, a nonce
    octets     BLOB NOT NULL
) STRICT;

-- A device's first entry is found by its name, the one after it by its number, and only later ones by an index: what an assembly line reports costs none.
CREATE INDEX entry_by_device ON entry (device) WHERE device < leaf_index - 1;
CREATE UNIQUE INDEX entry_once ON entry (device, kind, once) WHERE once IS NOT NULL AND device < leaf_index - 1;
CREATE INDEX entry_of_no_device ON entry (leaf_index) WHERE device IS NULL;

-- The devices that were made here, and their public keys. Both follow from the entries of kind 'made' and are there to be found by.
CREATE TABLE device (
    serial TEXT NOT NULL,
    issuer BLOB NOT NULL,                       -- keyIdentifier of the CA that issued the IDevID
    made   INTEGER NOT NULL,                    -- the entry that made it
    PRIMARY KEY (serial, issuer)
) STRICT, WITHOUT ROWID;

-- Keys come in no order, and each new one would touch a page of a large index: the shorter, the fewer pages. Which of two keys with one beginning it is, their entries tell.
CREATE TABLE key (
    beginning INTEGER NOT NULL,                 -- first 8 octets of the SHA-256 over the SubjectPublicKeyInfo, as a signed number
    made      INTEGER NOT NULL,
    PRIMARY KEY (beginning, made)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER entry_is_kept BEFORE DELETE ON entry BEGIN SELECT RAISE (ABORT, 'a ledger keeps what it has'); END;
CREATE TRIGGER entry_is_unchanged BEFORE UPDATE ON entry BEGIN SELECT RAISE (ABORT, 'a ledger keeps what it has'); END;
CREATE TRIGGER device_is_kept BEFORE DELETE ON device BEGIN SELECT RAISE (ABORT, 'a ledger keeps what it has'); END;
CREATE TRIGGER device_is_unchanged BEFORE UPDATE ON device BEGIN SELECT RAISE (ABORT, 'a ledger keeps what it has'); END;
CREATE TRIGGER key_is_kept BEFORE DELETE ON key BEGIN SELECT RAISE (ABORT, 'a ledger keeps what it has'); END;
CREATE TRIGGER key_is_unchanged BEFORE UPDATE ON key BEGIN SELECT RAISE (ABORT, 'a ledger keeps what it has'); END;
