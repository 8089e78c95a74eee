-- What operators have withdrawn, those lifted again included. Times are
-- milliseconds since 1970, UTC. exempt has one name of a workload a line.
CREATE TABLE suspensions (
  id        TEXT    NOT NULL PRIMARY KEY,
  kind      TEXT    NOT NULL,
  name      TEXT    NOT NULL,
  reason    TEXT    NOT NULL,
  document  TEXT    NOT NULL,
  cut       INTEGER NOT NULL CHECK (cut IN (0, 1)),
  starts    INTEGER NOT NULL,
  ordered   INTEGER NOT NULL,
  by        TEXT    NOT NULL,
  exempt    TEXT    NOT NULL,
  approver  TEXT    NOT NULL,
  until     INTEGER,            -- null: nobody is exempted
  lifted    INTEGER,            -- null: it is not
  lifted_by TEXT    NOT NULL
) STRICT, WITHOUT ROWID;
