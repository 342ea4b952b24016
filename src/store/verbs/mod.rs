//! The operations of the store, by subject. What is the same for every engine is done here; the rest is delegated to the
//! engine.

mod calls;
mod campaigns;
mod clients;
mod contacts;
mod dialout;
mod flows;
mod leases;
mod lists;
mod people;
mod signalling;
mod webhooks;
