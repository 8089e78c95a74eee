-- The keys of services. The secret is not here: mac is HMAC-SHA-256 of id and
-- secret under the pepper in secrets/. Times are milliseconds since 1970, UTC.
CREATE TABLE keys (
  id       TEXT    NOT NULL PRIMARY KEY,
  workload TEXT    NOT NULL,
  note     TEXT    NOT NULL,
  created  INTEGER NOT NULL,
  expires  INTEGER,            -- null: never
  revoked  INTEGER,            -- null: it is not
  mac      BLOB    NOT NULL CHECK (length(mac) = 32)
) STRICT, WITHOUT ROWID;
