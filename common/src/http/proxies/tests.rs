use std::net::SocketAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;

use super::*;
use crate::certificate::Certificate;
use crate::issuing::{Subject, Template};
use crate::sign::Signer as _;
use crate::test_pki::{block_on, new_key};

type IsRight = fn(&ClientCertError) -> bool;

fn certificate(name: &str) -> Certificate {
    let key = new_key(crate::SignatureAlgorithm::Es256);
    let template = Template::new(Subject::common_name(name), key.public_key(), [1; 16], crate::time::at(0), crate::time::at(4_000_000_000));
    block_on(template.self_signed(&key)).unwrap()
}

fn field(certificate: &Certificate) -> String {
    format!(":{}:", STANDARD.encode(certificate.der()))
}

fn request(from: &str, peer: &[&Certificate], fields: &[(&'static str, &str)]) -> Request<()> {
    let mut request = Request::new(());
    for (name, value) in fields {
        request.headers_mut().append(*name, HeaderValue::from_str(value).unwrap());
    }
    request.extensions_mut().insert(PeerAddress(SocketAddr::new(from.parse().unwrap(), 4000)));
    request.extensions_mut().insert(PeerCertificates(peer.iter().map(|certificate| (*certificate).clone()).collect()));
    request
}

/// The client as a service sees it, or the status and sentence that it gets.
fn client(proxies: &Proxies, request: Request<()>) -> Result<Vec<String>, u16> {
    let request = proxies.identify(request).map_err(|answer| answer.status().as_u16())?;
    assert!(!request.headers().keys().any(|name| name.as_str().starts_with("client-cert")));
    Ok(request.extensions().get::<PeerCertificates>().unwrap().0.iter().map(|certificate| certificate.subject().to_owned()).collect())
}

fn proxies() -> Proxies {
    Proxies::new(vec!["10.0.0.0/8".parse().unwrap()], vec![])
}

#[test]
fn client_of_a_proxy_is_who_the_fields_say() {
    let (own, ca, root) = (certificate("own"), certificate("ca"), certificate("root"));
    let both = format!("{} ,\t{}", field(&ca), field(&root));
    for fields in [
        vec![("client-cert", field(&own)), ("client-cert-chain", both)],
        vec![("client-cert", format!(" {} ", field(&own))), ("client-cert-chain", field(&ca)), ("client-cert-chain", field(&root))],
    ] {
        let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        assert_eq!(client(&proxies(), request("10.1.2.3", &[], &fields)), Ok(vec!["CN=own".to_owned(), "CN=ca".to_owned(), "CN=root".to_owned()]));
    }
}

#[test]
fn client_of_a_proxy_is_never_the_proxy_itself() {
    let proxy = certificate("proxy");
    assert_eq!(client(&proxies(), request("10.1.2.3", &[&proxy], &[])), Ok(vec![]));
    let own = certificate("own");
    assert_eq!(client(&proxies(), request("10.1.2.3", &[&proxy], &[("client-cert", &field(&own))])), Ok(vec!["CN=own".to_owned()]));
}

#[test]
fn fields_from_anybody_else_are_refused() {
    let own = certificate("own");
    for (proxies, from) in [(proxies(), "11.0.0.1"), (Proxies::default(), "10.1.2.3"), (proxies(), "::1")] {
        for name in ["client-cert", "client-cert-chain"] {
            assert_eq!(client(&proxies, request(from, &[&own], &[(name, &field(&own))])), Err(400), "{name} from {from}");
        }
    }
}

#[test]
fn fields_without_a_known_address_are_refused() {
    let own = certificate("own");
    let mut unknown = request("10.1.2.3", &[], &[("client-cert", &field(&own))]);
    unknown.extensions_mut().remove::<PeerAddress>();
    assert_eq!(client(&proxies(), unknown), Err(400));
}

#[test]
fn client_that_speaks_for_itself_keeps_its_certificates() {
    let own = certificate("own");
    assert_eq!(client(&proxies(), request("11.0.0.1", &[&own], &[])), Ok(vec!["CN=own".to_owned()]));
}

#[test]
fn proxy_without_its_own_pinned_key_is_none() {
    let (proxy, other, own) = (certificate("proxy"), certificate("other"), certificate("own"));
    let pinned = Proxies::new(vec!["10.0.0.0/8".parse().unwrap()], vec![proxy.spki_digest()]);
    let fields = [("client-cert", &*field(&own))];
    assert_eq!(client(&pinned, request("10.1.2.3", &[&proxy], &fields)), Ok(vec!["CN=own".to_owned()]));
    assert_eq!(client(&pinned, request("10.1.2.3", &[&other], &fields)), Err(400));
    assert_eq!(client(&pinned, request("10.1.2.3", &[], &fields)), Err(400));
    assert_eq!(client(&pinned, request("11.0.0.1", &[&proxy], &fields)), Err(400));
    assert_eq!(client(&pinned, request("10.1.2.3", &[&other], &[])), Ok(vec!["CN=other".to_owned()]));
}

#[test]
fn fields_that_are_not_as_the_rfc_has_them_are_refused() {
    use ClientCertError as E;
    let own = field(&certificate("own"));
    let bare = own.trim_matches(':').to_owned();
    let long = format!(":{}:", "A".repeat(16 * 1024));
    let many = [own.as_str(); 9].join(",");
    let cut = format!(":{}:", &bare[..bare.len() - 4]);
    let garbage = format!(":{}:", STANDARD.encode([0; 100]));
    let own_syntax: IsRight = |err| matches!(err, E::Syntax { field: "Client-Cert", .. });
    let chain_syntax: IsRight = |err| matches!(err, E::Syntax { field: "Client-Cert-Chain", .. });
    let wrong: IsRight = |err| matches!(err, E::Certificate { .. } | E::Syntax { .. });
    let of = |text: &str| vec![text.to_owned()];
    let cases: [(Vec<String>, Vec<String>, IsRight); 19] = [
        (vec![own.clone(), own.clone()], vec![], |err| *err == E::Several),
        (vec![], of(&own), |err| *err == E::ChainAlone),
        (of(""), vec![], own_syntax),
        (of(":"), vec![], own_syntax),
        (of("::"), vec![], own_syntax),
        (of(&bare), vec![], own_syntax),
        (of(&format!("{own};a=1")), vec![], own_syntax),
        (of(&format!("{own}, {own}")), vec![], own_syntax),
        (of(&format!("\"{bare}\"")), vec![], own_syntax),
        (of(":AA AA:"), vec![], own_syntax),
        (of(":-_-_:"), vec![], own_syntax),
        (of(":AAA:"), vec![], own_syntax),
        (of(":AB==:"), vec![], own_syntax),
        (of(&long), vec![], |err| matches!(err, E::TooLong { field: "Client-Cert", .. })),
        (of(&garbage), vec![], |err| matches!(err, E::Certificate { field: "Client-Cert", .. })),
        (of(&cut), vec![], wrong),
        (of(&own), of(&format!("{own},")), chain_syntax),
        (of(&own), of(&format!("{own} {own}")), chain_syntax),
        (of(&own), of(&many), |err| matches!(err, E::TooLong { field: "Client-Cert-Chain", .. })),
    ];
    for (own, chain, expected) in cases {
        let fields: Vec<_> =
            own.iter().map(|line| ("client-cert", line.as_str())).chain(chain.iter().map(|line| ("client-cert-chain", line.as_str()))).collect();
        let request = request("10.1.2.3", &[], &fields);
        let err = client_certificates(request.headers()).unwrap_err();
        assert!(expected(&err), "{err:?} for {fields:?}");
        assert_eq!(client(&proxies(), request), Err(400));
    }
}
