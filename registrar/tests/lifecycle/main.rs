//! The whole life of a pledge with a registrar as its owner runs it: the program, set up by `init` and told by its own commands, over real TLS. The pledge is `curl` with
//! `openssl`, or Python on libraries that are not ours; the MASA serves HTTPS in this process.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "all of this is test code")]
#![allow(dead_code, reason = "what other tests share with these is not all of use here")]

#[path = "../../../tests/interop/curl.rs"]
mod curl;
#[path = "../../../tests/interop/openssl.rs"]
mod openssl;
#[path = "../../../tests/interop/pki.rs"]
mod pki;
#[path = "../../../tests/interop/pledge.rs"]
mod pledge;
#[path = "../../../tests/interop/python.rs"]
mod python;
#[path = "../../../tests/interop/requests.rs"]
mod requests;
#[path = "../../../masa/tests/command_line/softhsm.rs"]
mod softhsm;
#[path = "../../../masa/tests/command_line/support.rs"]
mod support;
#[path = "../../../tests/interop/tool.rs"]
mod tool;
#[path = "../../../tests/interop/world.rs"]
mod world;

mod owner;

mod admin_by_curl;
mod life_of_curl;
mod life_of_python;
mod token;

const REGISTRAR: &str = env!("CARGO_BIN_EXE_brski-registrar");
