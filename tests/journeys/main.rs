//! Whole journeys in one process: real keys and signatures, a clock with a hand, no sockets. Every "no" is checked for its status, its sentence, and that it left no trace.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends where its ground gives way")]

#[path = "../support/mod.rs"]
mod support;

mod approvals;
mod bodies;
mod cloud;
mod crash;
mod csr_attestation;
mod enrolment;
mod evidence;
mod example_policies;
mod formats;
mod hostile_masa;
mod hostile_pledge;
mod impostors;
mod issuing_ca;
mod leaves;
mod leniencies;
mod masa_down;
mod masa_trouble;
mod mutation;
mod onboarding;
mod owners;
mod peers_registrar;
mod product_lines;
mod receipts;
mod renewal;
mod replays;
mod revocation;
mod rogue_registrars;
mod sales;
mod signer_binding;
mod signing_modes;
mod statements;
