//! One binary for all tests of the crate's surface: it links once.

#[path = "../common/mod.rs"]
mod common;

mod backends;
mod cachegen;
mod case;
mod guard;
mod invalid_chunk;
mod invalid_profile;
mod limits;
mod mutation;
mod prefixes;
mod roundtrip;
mod vectors;
