//! Socket.IO to a carrier that serves the Outgoing Call Service.
