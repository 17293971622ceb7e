//! Independent tools read what we write, and we read what they write; foreign clients speak with our servers over real TLS.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "all of this is test code")]

mod curl;
mod openssl;
mod pki;
mod pledge;
mod python;
mod requests;
mod tool;
mod tpm2;
mod world;

mod admin_over_https;
mod bodies;
mod breaks;
mod crowds;
mod csr_attestation;
mod hostile;
mod masa_over_https;
mod offline;
mod openssl_cms;
mod openssl_crl;
mod openssl_pki;
mod openssl_requests;
mod python_pledge;
mod python_receipts;
mod python_registrar;
mod python_station;
mod python_variants;
mod python_verifies;
mod registrar_over_https;
mod tls;
mod tpm;
mod tpm_credential;
mod tpm_enrolment;
mod yang;
