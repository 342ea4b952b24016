-- What was kept of a contact for flows when it was called: its name and its metadata. The call's own metadata is what
-- came with the request.
ALTER TABLE call_parties ADD COLUMN contact_data TEXT;
