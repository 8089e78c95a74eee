-- A suspension may hold for some workloads alone (one name a line; empty: for
-- all), and may come to an end of itself (null: it does not).
ALTER TABLE suspensions ADD COLUMN only_for TEXT NOT NULL DEFAULT '';
ALTER TABLE suspensions ADD COLUMN ends INTEGER;
