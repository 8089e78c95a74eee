-- Live drills: the report of each, as it is shown; began is milliseconds since
-- 1970, UTC. A suspension may be part of one.
CREATE TABLE drills (
  id     TEXT    NOT NULL PRIMARY KEY,
  began  INTEGER NOT NULL,
  report BLOB    NOT NULL
) STRICT;
ALTER TABLE suspensions ADD COLUMN drill TEXT NOT NULL DEFAULT '';
