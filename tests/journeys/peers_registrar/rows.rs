//! The rows, and what shows each.

/// What breaks elsewhere, and the tests of ours: a file and a name in it.
pub(super) const ROWS: &[(&str, &[(&str, &str)])] = &[
    (
        "estclient: cannot read chunked replies, unwrapped base64 or another media type",
        &[("interop/bodies", "certificates_are_framed_as_est_clients_need"), ("interop/bodies", "ldevid_is_framed_as_est_clients_need")],
    ),
    ("estclient: asks for cacerts without a certificate", &[("interop/registrar_over_https", "anybody_gets_the_domains_certificates")]),
    (
        "estclient: speaks TLS 1.2, on a new connection for each request",
        &[("interop/tls", "no_session_is_resumed_over_tls_1_2"), ("interop/registrar_over_https", "pledge_enrolls_with_a_p256_key")],
    ),
    ("nqminds: the pledge probes with an empty request", &[("interop/bodies", "empty_request_is_answered_and_harmless")]),
    (
        "nqminds: the pledge enrols with a self-signed certificate",
        &[
            ("interop/breaks", "certificate_in_place_of_a_certification_request_is_refused"),
            ("journeys/enrolment", "self_signed_certificate_is_no_certification_request"),
        ],
    ),
    (
        "nqminds: two clients at once crash a server",
        &[("interop/crowds", "two_pledges_at_once_get_their_vouchers"), ("interop/crowds", "sixteen_pledges_at_once_get_their_vouchers")],
    ),
    (
        "nqminds: a request without serial-number kills the registrar",
        &[
            ("interop/breaks", "request_without_serial_number_does_not_kill_the_registrar"),
            ("journeys/leaves", "request_without_serial_number_gets_400_and_both_servers_go_on"),
        ],
    ),
    (
        "nqminds: signs CA:TRUE certificates, and without a voucher",
        &[
            ("interop/breaks", "request_for_a_ca_certificate_is_refused"),
            ("journeys/enrolment", "nobody_becomes_a_ca"),
            ("journeys/enrolment", "nobody_becomes_a_ca_without_a_voucher_either"),
            ("journeys/peers_registrar", "ldevid_is_no_ca_whichever_door_it_comes_through"),
        ],
    ),
    (
        "nqminds: never checks the IDevID's path",
        &[
            ("interop/breaks", "idevid_of_a_stranger_is_not_accepted"),
            ("journeys/impostors", "device_with_a_self_made_idevid_under_the_makers_name_is_refused"),
            ("journeys/impostors", "device_whose_path_has_a_gap_is_refused"),
            ("interop/hostile/certificates", "device_of_a_foreign_ca_shakes_hands_and_is_refused_in_words"),
        ],
    ),
    (
        "nqminds: device B gets a voucher for A",
        &[
            ("interop/breaks", "device_gets_no_voucher_for_the_request_of_another"),
            ("journeys/signer_binding", "device_cannot_get_a_voucher_with_the_request_of_another"),
            ("interop/hostile/certificates", "certificate_swapped_behind_the_voucher_enrols_nobody"),
        ],
    ),
    (
        "nqminds: a request that names another registrar is asserted to be near",
        &[
            ("interop/breaks", "pledge_that_named_another_registrar_is_sent_away"),
            ("journeys/peers_registrar", "request_that_names_another_registrar_never_reaches_the_masa"),
        ],
    ),
    (
        "nqminds: the nonce may differ between the pledge's request and the registrar's",
        &[
            ("journeys/peers_registrar", "masa_is_told_nothing_of_the_pledge_but_what_the_pledge_signed"),
            ("journeys/masa_trouble", "genuine_voucher_for_another_request_is_never_passed_on"),
        ],
    ),
    ("nqminds, open-brski: serial numbers that were never made are vouched for", &[("interop/breaks", "device_that_was_never_recorded_gets_no_voucher")]),
    (
        "nqminds, OpenThread: replays are new requests",
        &[
            ("journeys/onboarding", "same_request_gets_the_same_voucher_even_from_a_new_process_without_a_masa"),
            ("journeys/replays", "pledges_request_is_stale_at_the_registrar_after_four_days"),
            ("journeys/replays", "recorded_request_of_an_admitted_pledge_is_worthless_to_another_device"),
        ],
    ),
    (
        "nqminds: turns a MASA's 403 into 200 with an empty body",
        &[("interop/breaks", "refusal_of_the_masa_reaches_the_pledge_as_one"), ("journeys/peers_registrar", "masas_no_is_a_no_with_words_even_if_it_has_none")],
    ),
    (
        "nqminds: relays garbage vouchers",
        &[
            ("journeys/masa_trouble", "garbage_for_a_voucher_is_never_passed_on"),
            ("journeys/signer_binding", "voucher_that_somebody_else_signed_is_kept_back"),
            ("journeys/peers_registrar", "voucher_without_an_octet_is_no_success"),
        ],
    ),
    (
        "nqminds: eight idle connections stall it",
        &[
            ("interop/crowds", "eight_idle_connections_do_not_keep_a_pledge_waiting"),
            ("interop/hostile/crowd", "thousand_idle_connections_leave_a_pledge_its_place"),
        ],
    ),
    (
        "nqminds: reads a body of 200 MiB into memory",
        &[("interop/bodies", "huge_body_that_comes_at_once_is_refused"), ("interop/bodies", "huge_body_of_unknown_length_is_refused")],
    ),
    ("OpenThread: takes a request that any key signed", &[("journeys/signer_binding", "request_signed_by_another_key_than_the_shown_idevids_is_refused")]),
    ("OpenThread: ignores a serial number that differs from the IDevID's", &[("journeys/impostors", "device_cannot_name_another_in_a_request_of_its_own")]),
    ("OpenThread: pins a rogue registrar", &[("journeys/masa_trouble", "genuine_voucher_for_another_domain_is_never_passed_on")]),
    (
        "OpenThread: enrols a stranger without any voucher, in another device's name",
        &[
            ("journeys/peers_registrar", "stranger_does_not_enrol_in_the_name_of_an_admitted_device"),
            ("journeys/enrolment", "stranger_without_a_voucher_cannot_enroll"),
            ("interop/registrar_over_https", "other_pledge_does_not_enroll_in_the_name_of_an_admitted_one"),
        ],
    ),
    (
        "open-brski: issues LDevIDs on a replayed request",
        &[
            ("journeys/peers_registrar", "recorded_certification_request_is_worthless_once_the_admission_is_gone"),
            ("journeys/replays", "recorded_certification_request_is_worthless_to_another_device"),
        ],
    ),
    (
        "open-brski: panics on a media type that it does not know",
        &[("journeys/bodies", "unknown_body_types_get_415_everywhere"), ("interop/hostile/framing", "compressed_body_is_refused_with_what_would_be_right")],
    ),
    ("open-brski: COSE without its tag", &[("interop/python_variants", "cose_without_tag_is_refused")]),
    (
        "fountain: never reads the audit log",
        &[
            ("../registrar/src/http/tests/masa", "pledge_whose_masa_discloses_no_audit_log_gets_406_and_cannot_enroll"),
            ("journeys/owners", "device_that_another_owner_could_take_back_is_refused"),
        ],
    ),
    (
        "minerva: COSE signatures in ASN.1",
        &[
            ("journeys/signer_binding", "cose_request_whose_signature_is_in_asn1_is_refused_with_what_would_be_right"),
            ("journeys/signer_binding", "cose_voucher_whose_signature_is_in_asn1_is_kept_back"),
        ],
    ),
];
