//! Links to audit logs.

use brski_common::audit_log::AUDIT_LINKS;
use brski_common::provenance::Text;
use brski_common::time::at;
use brski_common::{AuditLog, Clock};
use http::header::{LOCATION, REFERRER_POLICY};
use std::sync::atomic::{AtomicU64, Ordering};

use super::*;
use crate::testing::NOW;

const HOUR: Duration = Duration::from_secs(3600);

fn get(path: &str) -> Request<Full<Bytes>> {
    Request::get(path).body(Full::default()).unwrap()
}

/// Path of a new link to the log of the scene's pledge, which one owner has claimed.
fn linked(scene: &Scene) -> String {
    assert_eq!(scene.post("requestvoucher", scene.body()).0, StatusCode::OK);
    let link = block_on(scene.service.masa.audit_link(&scene.pledge.device(), HOUR, &Text::new("jane").unwrap())).unwrap();
    link.url().strip_prefix("https://masa.example.com").unwrap().to_owned()
}

#[test]
fn holder_of_a_link_reads_the_audit_log_without_further_credential() {
    let scene = Scene::new();
    let path = linked(&scene);
    assert_eq!(path.len(), AUDIT_LINKS.len() + 22);
    let (status, content_type, body) = scene.send(get(&path));
    assert_eq!((status, content_type.as_deref()), (StatusCode::OK, Some("application/json")));
    assert_eq!(AuditLog::from_json(&body).unwrap().events.len(), 1);
}

#[test]
fn answer_to_a_link_is_kept_and_passed_on_by_nobody() {
    let scene = Scene::new();
    for path in [linked(&scene), format!("{AUDIT_LINKS}AAAAAAAAAAAAAAAAAAAAAA")] {
        let response = block_on(scene.service.respond(get(&path)));
        assert_eq!((&response.headers()[CACHE_CONTROL], &response.headers()[REFERRER_POLICY]), (&"no-store".parse().unwrap(), &"no-referrer".parse().unwrap()));
    }
}

#[test]
fn unknown_expired_revoked_and_malformed_links_are_told_alike() {
    let time = Arc::new(AtomicU64::new(NOW.as_secs()));
    let hand = time.clone();
    let (maker, owner) = (Maker::new(), Owner::new("owner"));
    let clock = Clock::from_fn(move || at(hand.load(Ordering::SeqCst)));
    let masa = Masa::new(MasaParts { clock, ..maker.parts(crate::testing::memory()) });
    let pledge = maker.pledge("JADA123");
    block_on(masa.record(&maker.report(&pledge, Some(origin())))).unwrap();
    let scene = Scene { maker, owner, pledge, service: MasaService::new(Arc::new(masa), 64 * 1024) };

    let (expired, revoked) = (linked(&scene), linked(&scene));
    assert!(block_on(scene.service.masa.revoke_audit_link(&revoked)).unwrap());
    let answer = |path: &str| {
        let (head, body) = block_on(scene.service.respond(get(path))).into_parts();
        (head.status, head.headers, block_on(body.collect()).unwrap().to_bytes())
    };
    let gone = answer(&revoked);
    assert_eq!(gone.0, StatusCode::NOT_FOUND);
    assert_eq!(answer(&expired).0, StatusCode::OK);
    time.fetch_add(HOUR.as_secs(), Ordering::SeqCst);
    let malformed = ["", "A", "AAAAAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAAA/", "../AAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAA="]
        .map(|end| format!("{AUDIT_LINKS}{end}"));
    for path in malformed.into_iter().chain([expired]) {
        assert_eq!(answer(&path), gone, "{path}");
    }
}

#[test]
fn link_is_only_read() {
    let scene = Scene::new();
    let path = linked(&scene);
    for method in [Method::POST, Method::DELETE, Method::PUT] {
        let response = block_on(scene.service.respond(Request::builder().method(method).uri(&path).body(Full::<Bytes>::default()).unwrap()));
        assert_eq!((response.status(), response.headers()[ALLOW].to_str().unwrap()), (StatusCode::METHOD_NOT_ALLOWED, "GET, HEAD"));
    }
    let head = block_on(scene.service.respond(Request::head(&path).body(Full::<Bytes>::default()).unwrap()));
    assert_eq!((head.status(), block_on(head.into_body().collect()).unwrap().to_bytes()), (StatusCode::OK, Bytes::new()));
}

#[test]
fn owner_is_told_a_link_where_the_configuration_says_so() {
    let scene = Scene::new();
    let scene = Scene { service: scene.service.clone().with_audit_answer(AuditAnswer::Link(HOUR)), ..scene };
    assert_eq!(scene.post("requestvoucher", scene.body()).0, StatusCode::OK);
    let (head, body) = block_on(scene.service.respond(post("requestauditlog", scene.body()))).into_parts();
    assert_eq!((head.status, block_on(body.collect()).unwrap().to_bytes()), (StatusCode::CREATED, Bytes::new()));
    assert!(head.headers[LOCATION].is_sensitive());
    let location = head.headers[LOCATION].to_str().unwrap().strip_prefix("https://masa.example.com").unwrap().to_owned();
    let (status, _, log) = scene.send(get(&location));
    assert_eq!((status, AuditLog::from_json(&log).unwrap().events.len()), (StatusCode::OK, 1));
}

#[test]
fn owner_who_asks_again_and_again_ends_no_operator_s_link() {
    let scene = Scene::new();
    let scene = Scene { service: scene.service.clone().with_audit_answer(AuditAnswer::Link(HOUR)), ..scene };
    let path = linked(&scene);
    let ask = || block_on(scene.service.respond(post("requestauditlog", scene.body()))).headers()[LOCATION].to_str().unwrap().to_owned();
    let links: Vec<String> = (0..20).map(|_| ask()).collect();
    let works = |url: &str| scene.send(get(url.strip_prefix("https://masa.example.com").unwrap_or(url))).0 == StatusCode::OK;
    assert!(works(&path));
    assert_eq!(links.iter().filter(|link| works(link)).count(), 16);
}

#[test]
fn stranger_is_told_no_link() {
    let scene = Scene::new();
    let scene = Scene { service: scene.service.clone().with_audit_answer(AuditAnswer::Link(HOUR)), ..scene };
    let response = block_on(scene.service.respond(post("requestauditlog", scene.body())));
    assert_eq!((response.status(), response.headers().get(LOCATION)), (StatusCode::NOT_FOUND, None));
}

#[test]
fn link_outlives_its_time_by_nothing_and_works_for_a_year_at_most() {
    let scene = Scene::new();
    let link = |lifetime| block_on(scene.service.masa.audit_link(&scene.pledge.device(), lifetime, &Text::new("jane").unwrap()));
    let year = Duration::from_secs(366 * 86_400);
    for lifetime in [HOUR, year] {
        assert_eq!(link(lifetime).unwrap().expires_at().as_secs(), NOW.as_secs() + lifetime.as_secs());
    }
    for lifetime in [Duration::ZERO, year + Duration::from_secs(1), Duration::MAX] {
        assert!(matches!(link(lifetime), Err(Error::Refused(brski_common::Refusal::LinkLifetime { .. }))));
    }
}
