//! What our TLS servers refuse to do, seen with `openssl s_client` and `curl`.

use crate::curl;
use crate::world::World;

/// One request, so that the server has every occasion to send a ticket.
const REQUEST: &[u8] = b"GET /.well-known/est/cacerts HTTP/1.1\r\nHost: registrar\r\nConnection: close\r\n\r\n";

#[tokio::test(flavor = "multi_thread")]
async fn no_ticket_is_sent_over_tls_1_3() {
    let Some(world) = World::start().await else { return };
    for address in [world.masa_address, world.registrar_address] {
        let output = world.openssl.output(&format!("s_client -connect {address} -tls1_3 -ign_eof -sess_out session.pem"), REQUEST);
        let printed = String::from_utf8_lossy(&output.stdout);
        assert!(printed.contains("HTTP/1.1 ") && printed.contains("New, TLSv1.3"), "{printed}");
        assert!(!printed.contains("New Session Ticket arrived"), "{printed}");
        // It is written when a ticket arrives.
        assert!(!world.openssl.path("session.pem").exists());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_session_is_resumed_over_tls_1_2() {
    let Some(world) = World::start().await else { return };
    for address in [world.masa_address, world.registrar_address] {
        let output = world.openssl.output(&format!("s_client -connect {address} -tls1_2 -reconnect"), b"");
        let printed = String::from_utf8_lossy(&output.stdout);
        assert_eq!((printed.matches("New, TLSv1.2").count(), printed.matches("Reused, ").count()), (6, 0), "{printed}");
        assert!(!printed.contains("TLS session ticket:"), "{printed}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_client_is_asked_for_a_certificate_of_whatever_issuer() {
    let Some(world) = World::start().await else { return };
    for address in [world.masa_address, world.registrar_address] {
        let output = world.openssl.output(&format!("s_client -connect {address} -tls1_3 -ign_eof"), REQUEST);
        let printed = String::from_utf8_lossy(&output.stdout);
        assert!(printed.contains("No client certificate CA names sent") && printed.contains("Requested Signature Algorithms"), "{printed}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn client_without_tls_is_turned_away_and_others_are_served() {
    let Some(world) = World::start().await else { return };
    for address in [world.masa_address, world.registrar_address] {
        let code = curl::start(&world.openssl.path(""), &format!("http://{address}/.well-known/est/cacerts")).finish().unwrap_err();
        // An answer that is no HTTP (a TLS alert), no answer, or a reset: anything but a reply or a timeout.
        assert!([1, 52, 56].contains(&code), "curl ended with {code}");
    }
    assert_eq!(world.ask_registrar("est/cacerts", "--insecure").status, 200);
}
