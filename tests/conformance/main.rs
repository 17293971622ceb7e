//! Published test vectors, read through the public API. Each file has a test of its name; `exceptions.toml` lists what a vector does wrong.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "all of this is test code")]

mod cbrski;
mod cose_examples;
mod jws_forgeries;
mod jws_voucher;
mod key_attestation;
mod limbo;
mod messages;
mod rfc8366bis;
mod rfc8995;
mod secure_element_manifest;
mod vectors;
mod wycheproof;
