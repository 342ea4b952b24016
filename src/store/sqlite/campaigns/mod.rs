//! Campaigns: their settings and life, their places, reservations and what came of them.

mod fill;
mod life;
mod places;
mod reserve;
mod rows;
mod settle;
