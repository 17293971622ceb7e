//! Clients that call the registrar by another name than its own. A pledge cannot know it, so that what it says is ignored (constrained BRSKI, section 6.3).

use std::sync::Arc;

use brski_common::serve::ServerName;

use super::client::{Client, config};
use super::honest_pledge_gets_in;
use crate::requests::NONCE;
use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn pledge_that_calls_the_registrar_by_a_foreign_name_gets_its_voucher() {
    let Some(world) = World::start().await else { return };
    world.manufacture("JADA1").await;
    let request = world.pledges_request("JADA1", NONCE, "");
    for name in ["somebody-else.example", "localhost", "xn--rksmrgs-5wao1o.example"] {
        let mut tls = (*config(&world, Some("JADA1"))).clone();
        tls.enable_sni = true;
        let mut client = Client::dial(&world, Arc::new(tls), ServerName::try_from(name).unwrap());
        // The Host field is nobody's proof either.
        let fields = format!("Host: {name}\r\nContent-Type: application/voucher-cms+json\r\nContent-Length: {}", request.len());
        client.send([format!("POST /.well-known/brski/requestvoucher HTTP/1.1\r\n{fields}\r\n\r\n").as_bytes(), &request].concat());
        assert_eq!(client.answer().status, 200, "{name}");
    }
    honest_pledge_gets_in(&world, "HONEST").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn name_that_is_an_address_or_not_lower_case_is_ignored() {
    let Some(world) = World::start().await else { return };
    let address = world.registrar_address;
    let request = b"GET /.well-known/est/cacerts HTTP/1.1\r\nHost: registrar\r\nConnection: close\r\n\r\n";
    for name in ["127.0.0.1", "192.0.2.1", "Somebody-Else.EXAMPLE", "under_score.example"] {
        for version in ["-tls1_2", "-tls1_3"] {
            let output = world.openssl.output(&format!("s_client -connect {address} -servername {name} {version} -ign_eof"), request);
            let printed = String::from_utf8_lossy(&output.stdout);
            assert!(printed.contains("HTTP/1.1 200 "), "{name}: {printed}");
        }
    }
    honest_pledge_gets_in(&world, "HONEST").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn name_that_is_none_at_all_does_no_harm() {
    let Some(world) = World::start().await else { return };
    let address = world.registrar_address;
    for name in [format!("{}.example", "x".repeat(240)), "..".to_owned(), "-".to_owned()] {
        world.openssl.output(&format!("s_client -connect {address} -servername {name}"), b"");
    }
    honest_pledge_gets_in(&world, "HONEST").await;
}
