-- Whether pictures went either way in a call; unknown until it is answered.
ALTER TABLE calls ADD COLUMN pictures INTEGER;
