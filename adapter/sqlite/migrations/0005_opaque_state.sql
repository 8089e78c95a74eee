-- What is remembered of opaque state: whose each blob is (kind 0), and blocks
-- that callers cannot carry (kind 1). key is a keyed digest, box is encrypted,
-- both under keys from the store key in secrets/. A greater seq was written
-- later. expires is milliseconds since 1970, UTC.
CREATE TABLE opaque_state (
  seq      INTEGER PRIMARY KEY,
  kind     INTEGER NOT NULL CHECK (kind IN (0, 1)),
  workload TEXT    NOT NULL,
  key      BLOB    NOT NULL UNIQUE,
  box      BLOB    NOT NULL,
  expires  INTEGER NOT NULL
) STRICT;
CREATE INDEX opaque_state_kind ON opaque_state (kind);
CREATE INDEX opaque_state_workload ON opaque_state (kind, workload);
CREATE INDEX opaque_state_expires ON opaque_state (expires);
