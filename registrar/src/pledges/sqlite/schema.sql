CREATE TABLE IF NOT EXISTS admission (
    spki           BLOB PRIMARY KEY,  -- SHA-256 over the IDevID's SubjectPublicKeyInfo
    serial_number  TEXT NOT NULL,     -- for people; the IDevID decides
    idevid         BLOB NOT NULL,     -- DER
    issuers        TEXT NOT NULL,     -- PEM, up to the manufacturer's anchor; empty if that issued the IDevID
    request_sha256 BLOB NOT NULL,
    voucher_type   TEXT NOT NULL,     -- media type
    voucher        BLOB NOT NULL,     -- as the MASA signed it
    ground         TEXT NOT NULL,     -- why, in JSON
    withdrawn      INTEGER NOT NULL DEFAULT 0, -- 1 after a refusal that came later
    admitted_at    INTEGER NOT NULL   -- seconds since 1970
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS ldevid (
    spki     BLOB PRIMARY KEY,        -- SHA-256 over the LDevID's SubjectPublicKeyInfo
    admitted BLOB NOT NULL REFERENCES admission (spki)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS event (
    number    INTEGER PRIMARY KEY,    -- from 0, without gaps
    octets    BLOB NOT NULL,          -- JSON: a leaf of the trail's tree
    leaf_hash BLOB NOT NULL,          -- of the octets (RFC 9162, section 2.1.1)
    spki      BLOB                    -- the pledge that it is about
) STRICT;
CREATE INDEX IF NOT EXISTS event_by_pledge ON event (spki, number) WHERE spki IS NOT NULL;
CREATE TRIGGER IF NOT EXISTS event_never_changes BEFORE UPDATE ON event BEGIN SELECT RAISE(ABORT, 'the audit trail is never changed'); END;
CREATE TRIGGER IF NOT EXISTS event_never_goes BEFORE DELETE ON event BEGIN SELECT RAISE(ABORT, 'nothing is removed from the audit trail'); END;
CREATE TABLE IF NOT EXISTS edge (
    only  INTEGER PRIMARY KEY CHECK (only = 0),
    size  INTEGER NOT NULL,           -- how many events
    peaks BLOB NOT NULL               -- the tree's right edge: roots of its complete subtrees, largest first, 32 octets each
) STRICT;
INSERT OR IGNORE INTO edge (only, size, peaks) VALUES (0, 0, x'');
CREATE TABLE IF NOT EXISTS checkpoint (
    number INTEGER PRIMARY KEY,       -- in the order in which they were signed
    size   INTEGER NOT NULL,          -- how many events
    peaks  BLOB NOT NULL,             -- the tree's right edge at that size
    note   TEXT NOT NULL UNIQUE       -- the signed text (C2SP tlog-checkpoint)
) STRICT;
CREATE TRIGGER IF NOT EXISTS checkpoint_never_changes BEFORE UPDATE ON checkpoint BEGIN SELECT RAISE(ABORT, 'what was signed is never changed'); END;
CREATE TRIGGER IF NOT EXISTS checkpoint_never_goes BEFORE DELETE ON checkpoint BEGIN SELECT RAISE(ABORT, 'what was signed is not removed'); END;
CREATE TABLE IF NOT EXISTS file (
    spki      BLOB PRIMARY KEY,       -- SHA-256 over the IDevID's SubjectPublicKeyInfo
    serial    TEXT NOT NULL,
    state     TEXT NOT NULL,
    last_seen INTEGER NOT NULL,       -- seconds since 1970
    json      TEXT NOT NULL           -- what the pledge's events amount to
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS file_by_serial ON file (serial);
CREATE INDEX IF NOT EXISTS file_by_state ON file (state, last_seen);
CREATE INDEX IF NOT EXISTS file_by_time ON file (last_seen);
CREATE TABLE IF NOT EXISTS revoked (
    certificate TEXT NOT NULL,        -- serial number in lower-case hexadecimal digits
    issuer      BLOB NOT NULL CHECK (length(issuer) IN (0, 32)), -- SHA-256 over the issuer's Name; empty if an older version did not keep it
    revoked_at  INTEGER NOT NULL,
    reason      TEXT NOT NULL,
    not_after   INTEGER NOT NULL,     -- when it expires, or the end of time if its file has forgotten it
    PRIMARY KEY (certificate, issuer)
) STRICT, WITHOUT ROWID;
