//! Campaigns: their settings and life, their places, reservations and what came of them.

mod fill;
mod life;
mod news;
mod places;
mod report;
mod reserve;
mod rows;
mod settle;
