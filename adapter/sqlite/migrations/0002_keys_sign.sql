-- Access keys for AWS SDKs, which sign instead of sending a secret. Theirs is
-- derived from the store key in secrets/; mac covers id and that secret.
ALTER TABLE keys ADD COLUMN signs INTEGER NOT NULL DEFAULT 0 CHECK (signs IN (0, 1));
