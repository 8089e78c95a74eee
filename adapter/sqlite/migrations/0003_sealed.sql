-- What refusals of spillage and contamination say of the place and the level,
-- encrypted under a key from the store key in secrets/. log and entry name the
-- refusal on the record.
CREATE TABLE sealed (
  log   TEXT    NOT NULL,
  entry INTEGER NOT NULL,
  box   BLOB    NOT NULL,
  PRIMARY KEY (log, entry)
) STRICT, WITHOUT ROWID;
