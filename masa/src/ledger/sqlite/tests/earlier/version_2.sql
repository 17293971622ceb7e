-- Roots of complete subtrees of the Merkle tree over the entries (RFC 9162): those over 256 leaves (height 8), over 256 of these (height 16), and so on.
-- The tree needs no other node: what is lower is computed from at most 256 neighbours. Written with the entries that complete them.
CREATE TABLE subtree (
    height   INTEGER NOT NULL CHECK (height > 0 AND height % 8 = 0),
    position INTEGER NOT NULL CHECK (position >= 0),           -- among the subtrees of this height, from the left
    hash     BLOB NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (height, position)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER subtree_is_kept BEFORE DELETE ON subtree BEGIN SELECT RAISE (ABORT, 'a ledger keeps what it has'); END;
CREATE TRIGGER subtree_is_unchanged BEFORE UPDATE ON subtree BEGIN SELECT RAISE (ABORT, 'a ledger keeps what it has'); END;
