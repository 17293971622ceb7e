//! `ca`: from a request to an issuing CA that the registrar uses.

use brski_common::Certificate;

use super::support::Folder;
use super::{owner, registrar};

const SIGN: [&str; 6] = ["ca", "sign-request", "--root-key", "registrar/offline/root-ca-key.pem", "--root-cert", "registrar/certificates/root-ca.pem"];

/// An owner with a request for its next issuing CA.
fn asking() -> Folder {
    let folder = owner();
    registrar(&folder, &["ca", "request", "--name", "Next CA"]).ok();
    folder
}

fn sign(folder: &Folder, more: &[&str]) -> super::support::Finished {
    registrar(folder, &[&SIGN[..], more, &["issuing-ca.csr"]].concat())
}

#[test]
fn next_issuing_ca_is_asked_for_signed_and_used() {
    let folder = asking();
    let printed = sign(&folder, &["--yes"]).ok();
    assert!(printed.contains("CA: CN=Next CA") && printed.contains("path length: 0"), "{printed}");
    folder.edit(
        "registrar/registrar.toml",
        "[domain-ca]\ncertificate = \"certificates/domain-ca.pem\"\nkey = \"keys/domain-ca.pem\"",
        "[domain-ca]\ncertificate = \"../issuing-ca.pem\"\nkey = \"../issuing-ca-key.pem\"",
    );
    let listed = registrar(&folder, &["ca", "list"]).ok();
    assert!(listed.starts_with("issuing CA, domain-ca: CN=Next CA, valid until "), "{listed}");
    registrar(&folder, &["config", "check"]).ok();
}

const FIRST: &str = "certificate = \"certificates/domain-ca.pem\"\nkey = \"keys/domain-ca.pem\"";

/// An owner whose LDevIDs come from another CA below the same root, and a line that names the former one.
fn succeeded(former: &str) -> Folder {
    let folder = asking();
    sign(&folder, &["--yes"]).ok();
    folder.edit("registrar/registrar.toml", FIRST, "certificate = \"../issuing-ca.pem\"\nkey = \"../issuing-ca-key.pem\"");
    folder.edit("registrar/registrar.toml", "\nlifetime-days = 365\n", &format!("\nlifetime-days = 365\n{former}\n"));
    folder
}

const WITH_KEY: &str = "former-cas = [{ certificate = \"certificates/domain-ca.pem\", key = \"keys/domain-ca.pem\" }]";

#[test]
fn former_ca_is_listed_with_where_its_crl_is() {
    let listed = registrar(&succeeded(WITH_KEY), &["ca", "list", "-o", "json"]).ok();
    let cas: Vec<serde_json::Value> = listed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told: Vec<_> = cas.iter().map(|ca| (ca["role"].as_str().unwrap(), ca["crl"].as_str().is_some_and(|crl| crl.starts_with("/crl/")))).collect();
    assert_eq!(told, [("issuing", true), ("root", false), ("former", true)]);
    assert_ne!(cas[0]["crl"], cas[2]["crl"]);
}

#[test]
fn former_ca_without_its_key_is_warned_of() {
    let warning = "warning: ldevid.former-cas names no key of CN=Example Domain domain CA";
    let check = |former| registrar(&succeeded(former), &["config", "check"]).ok();
    let warned = check("former-cas = [\"certificates/domain-ca.pem\"]");
    assert!(warned.contains(warning), "{warned}");
    assert!(!check(WITH_KEY).contains(warning));
}

#[test]
fn url_that_leads_ldevids_of_two_cas_to_one_list_is_warned_of() {
    let warning = "warning: ldevid.crl-url is http://crl.example.net/ldevid.crl whichever CA issues";
    let check = |url: &str| registrar(&succeeded(&format!("{WITH_KEY}\ncrl-url = \"{url}\"")), &["config", "check"]).ok();
    assert!(check("http://crl.example.net/ldevid.crl").contains(warning));
    assert!(!check("http://crl.example.net/{issuer}.crl").contains("ldevid.crl-url"));
}

#[test]
fn wrong_former_ca_is_named_with_what_would_be_right() {
    let said = |former: &str| registrar(&succeeded(former), &["config", "check"]).error();
    let other = "former-cas = [{ certificate = \"certificates/domain-ca.pem\", key = \"keys/registrar.pem\" }]";
    assert!(said(other).contains("field ldevid.former-cas"));
    assert!(said("former-cas = [7]").contains("must be a certificate's file, or { certificate = "));
}

#[test]
fn registrar_certificate_below_the_former_ca_is_warned_of_until_another_is_issued() {
    let warning = "warning: the certificate of [identity] does not stand under the CA that issues LDevIDs";
    let folder = succeeded(WITH_KEY);
    assert!(registrar(&folder, &["config", "check"]).ok().contains(warning));
    let printed = registrar(&folder, &["ca", "issue-registrar"]).ok();
    assert!(printed.contains("hosts: localhost, 127.0.0.1") && printed.contains("issued by: CN=Next CA"), "{printed}");
    folder.edit("registrar/registrar.toml", "\"certificates/registrar.pem\"", "\"../registrar.pem\"");
    assert!(!registrar(&folder, &["config", "check"]).ok().contains(warning));
}

#[test]
fn second_registrar_is_certified_by_its_request() {
    let folder = owner();
    // Any request will do: what it is for, it does not say.
    registrar(&folder, &["ca", "request", "--name", "Second registrar"]).ok();
    let issue = ["ca", "issue-registrar", "--request", "issuing-ca.csr", "--host", "second.example.net", "--days", "30"];
    registrar(&folder, &issue).ok();
    let chain = Certificate::all_from_pem(&folder.read("registrar.pem")).unwrap();
    let lifetime = chain[0].not_after().as_secs() - chain[0].not_before().as_secs();
    assert_eq!((chain.len(), chain[0].subject(), chain[0].usages().len(), lifetime), (3, "CN=Second registrar", 3, 30 * 86_400));
    assert!(!chain[0].is_ca() && chain[0].is_issued_by(&chain[1]));
    let error = registrar(&folder, &issue).error();
    assert!(error.contains("registrar.pem: exists already"), "{error}");
}

#[test]
fn registrar_is_not_certified_where_the_cas_key_is_elsewhere() {
    let folder = owner();
    folder.edit("registrar/registrar.toml", &format!("[domain-ca]\n{FIRST}\n"), EST);
    let error = registrar(&folder, &["ca", "issue-registrar"]).error();
    assert!(error.contains("field ca: says that an EST server issues: it has to certify the registrar, too, since its key is not here"), "{error}");
}

#[test]
fn issuing_ca_may_issue_to_end_entities_alone() {
    let folder = asking();
    sign(&folder, &["--yes", "--days", "30"]).ok();
    let chain = Certificate::all_from_pem(&folder.read("issuing-ca.pem")).unwrap();
    let root = Certificate::all_from_pem(&folder.read("registrar/certificates/root-ca.pem")).unwrap();
    let lifetime = chain[0].not_after().as_secs() - chain[0].not_before().as_secs();
    assert_eq!((chain.len(), lifetime), (2, 30 * 86_400));
    assert!(chain[0].is_ca() && chain[0].is_issued_by(&root[0]));
}

#[test]
fn nothing_is_signed_unasked() {
    let folder = asking();
    let error = sign(&folder, &[]).error();
    assert!(error.contains("nothing was signed: without a terminal, --yes has to say that CN=Next CA shall be a CA"), "{error}");
    assert!(!folder.path("issuing-ca.pem").exists());
}

#[test]
fn request_for_the_roots_own_key_is_refused() {
    let folder = owner();
    registrar(&folder, &["ca", "request", "--name", "Next CA", "--key", "registrar/offline/root-ca-key.pem"]).ok();
    let error = sign(&folder, &["--yes"]).error();
    assert!(error.contains("the request is for the root's own key"), "{error}");
}

#[test]
fn second_request_overwrites_no_key() {
    let folder = asking();
    let before = folder.read("issuing-ca-key.pem");
    let error = registrar(&folder, &["ca", "request", "--name", "Next CA"]).error();
    assert!(error.contains("issuing-ca-key.pem: exists already"), "{error}");
    assert_eq!(folder.read("issuing-ca-key.pem"), before);
}

#[test]
fn path_of_the_ca_is_listed_with_its_expiry() {
    let folder = owner();
    let listed = registrar(&folder, &["ca", "list", "-o", "json"]).ok();
    let roles: Vec<String> = listed.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["role"].as_str().unwrap().to_owned()).collect();
    assert_eq!(roles, ["issuing", "root"]);
}

#[test]
fn registrar_of_another_domain_than_its_ca_is_warned_of() {
    let warning = "warning: the certificate of [identity] does not stand under the CA that issues LDevIDs";
    let folder = owner();
    assert!(!registrar(&folder, &["config", "check"]).ok().contains(warning));
    registrar(&folder, &["init", "--dir", "other"]).ok();
    for file in ["certificates/domain-ca.pem", "keys/domain-ca.pem"] {
        folder.write(&format!("registrar/{file}"), folder.read(&format!("other/{file}")));
    }
    assert!(registrar(&folder, &["config", "check"]).ok().contains(warning));
}

/// What `config check` says once these lines stand in place of [domain-ca].
fn check_with(lines: &str) -> String {
    let folder = owner();
    let before = "[domain-ca]\ncertificate = \"certificates/domain-ca.pem\"\nkey = \"keys/domain-ca.pem\"\n";
    folder.edit("registrar/registrar.toml", before, lines);
    let finished = registrar(&folder, &["config", "check"]);
    finished.stdout + &finished.stderr
}

const EST: &str =
    "[ca]\nkind = \"est\"\nurl = \"https://est.example.net:8443\"\nanchors = [\"certificates/root-ca.pem\"]\ncertificates = \"certificates/domain-ca.pem\"\n";

#[test]
fn est_server_can_issue_in_place_of_a_ca_here() {
    assert!(check_with(EST).contains("ca.certificates"));
    assert!(check_with("").contains("is missing: it names the CA that issues LDevIDs, unless [ca] says that an EST server does"));
}

#[test]
fn wrong_est_server_is_named_with_what_would_be_right() {
    assert!(check_with(&EST.replace("https", "http")).contains("field ca.url: must be https:// with a host"));
    assert!(check_with(&EST.replace("[\"certificates/root-ca.pem\"]", "[]")).contains("field ca.anchors: must name at least one certificate"));
    assert!(check_with(&format!("{EST}label = \"cacerts\"\n")).contains("field ca.label: 'cacerts' must be"));
    assert!(check_with(&format!("{EST}credentials = \"policy.toml\"\n")).contains("field ca.credentials"));
}

#[test]
fn unreachable_est_server_leaves_the_certificates_as_they_are() {
    let folder = owner();
    let before = "[domain-ca]\ncertificate = \"certificates/domain-ca.pem\"\nkey = \"keys/domain-ca.pem\"\n";
    folder.edit("registrar/registrar.toml", before, &EST.replace("est.example.net:8443", "127.0.0.1:1"));
    let kept = folder.read("registrar/certificates/domain-ca.pem");
    let error = registrar(&folder, &["ca", "fetch"]).error();
    assert!(error.contains("the certification authority did not answer"), "{error}");
    assert_eq!(folder.read("registrar/certificates/domain-ca.pem"), kept);
}

/// What `config check` says of an [ldevid] with this line.
fn ldevid(line: &str) -> String {
    let folder = owner();
    folder.edit("registrar/registrar.toml", "\nlifetime-days = 365\n", &format!("\n{line}\n"));
    let finished = registrar(&folder, &["config", "check"]);
    finished.stdout + &finished.stderr
}

#[test]
fn wrong_profiles_are_named_with_what_would_be_right() {
    for (line, words) in [
        ("lifetime-days = 0", "field ldevid.lifetime-days: must be at least 1"),
        ("lifetime-days = 1\nlifetime-hours = 1", "field ldevid.lifetime-hours: is one of two lifetimes"),
        ("names = [\"devices.example\"]", "field ldevid.names: 'devices.example' cannot be used"),
        ("usages = [\"server-auth\"]", "field ldevid.usages: must list client-auth"),
        ("crl-url = \"ldap://x\"", "field ldevid.crl-url: must be a URL"),
        ("former-cas = [\"certificates/registrar.pem\"]", "field ldevid.former-cas: CN=Example Domain registrar"),
        ("revoke-on = [\"valid\"]", "field ldevid.revoke-on: must not list valid"),
    ] {
        let said = ldevid(line);
        assert!(said.contains(words), "{line}: {said}");
    }
}

#[test]
fn profile_with_everything_is_usable() {
    let lines = [
        "preset = \"short-lived\"",
        "lifetime-hours = 24",
        "backdating-minutes = 5",
        "subject = \"serial-number\"",
        "names = [\"{serial}.devices.example\"]",
        "statement-at-renewal = \"required\"",
        "revoke-on = [\"compromised\"]",
        "method-policies = { avocado = \"1.3.6.1.4.1.32473.1.1\" }",
        "basis-policies = { hsm-attested = \"1.3.6.1.4.1.32473.2.1\" }",
    ];
    let said = ldevid(&lines.join("\n"));
    assert!(said.contains("registrar.toml: usable"), "{said}");
}
