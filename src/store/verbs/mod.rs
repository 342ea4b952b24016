//! What can be asked of the store, by subject. What is the same whichever engine there is stands here; the rest
//! is handed to the engine.

mod calls;
mod clients;
mod contacts;
mod dialout;
mod flows;
mod leases;
mod webhooks;
