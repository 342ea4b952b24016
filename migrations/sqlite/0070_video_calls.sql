-- Whether a call was asked for as a video call; what of it was carried, its timeline says.
ALTER TABLE calls ADD COLUMN video INTEGER NOT NULL DEFAULT 0;
