//! Delivery lists, imported whole and refused.

use brski_common::evidence::DeliveredElement;

use super::*;

/// A list of the elements in which these devices' keys are.
fn list(pledges: &[&Pledge]) -> DeliveryList {
    DeliveryList {
        delivery: "reel 7".to_owned(),
        se_generation: SecureElementGeneration::Internal,
        ca_arrangement: CaArrangement::SiliconOperatesForOem,
        made_at: NOW,
        elements: pledges.iter().map(|pledge| DeliveredElement { certificate: pledge.0.certificate.clone() }).collect(),
    }
}

fn signed(by: &Entity, list: &DeliveryList) -> Vec<u8> {
    block_on(by.party(&[]).seal(list, Format::Jws)).unwrap().wire().to_vec()
}

#[test]
fn every_element_of_a_list_is_recorded_with_the_list_as_its_evidence() {
    let world = World::new();
    let (one, two) = (world.maker.pledge("A"), world.maker.pledge("B"));
    let wire = signed(&world.logistics, &list(&[&one, &two]));
    let masa = world.masa(world.authorities());
    assert_eq!(world.told(&masa, &Delivery::default(), wire.clone()), ["reel, line 1, row 1: A", "reel, line 1, row 2: B"]);
    let (origin, findings) = world.origin_of(&two.device());
    let expected = KeyOrigin {
        se_generation: Some(SecureElementGeneration::Internal),
        ca_arrangement: Some(CaArrangement::SiliconOperatesForOem),
        batch: Some(text("reel 7")),
        evidence: vec![DeliveryList::to_evidence(&Signed::from_wire(Format::Jws, wire.as_slice())).unwrap()],
        ..KeyOrigin::new(Method::Sapodilla, Source::GeneratedOnDevice, Protection::Unknown, Locus::SecureElement, Basis::SeVendorAttested, NOW)
    };
    assert_eq!(origin, expected);
    assert_eq!((findings.len(), findings[0].result), (1, FindingResult::Supports));
    assert_eq!(world.told(&masa, &Delivery::default(), wire), ["reel, line 1, row 1: A again", "reel, line 1, row 2: B again"]);
}

#[test]
fn longest_list_is_recorded_and_a_longer_one_is_refused_with_what_to_do() {
    let world = World::new();
    let pledges: Vec<Pledge> = (0..120).map(|number| world.maker.pledge(&format!("D{number}"))).collect();
    let of_first = |count: usize| signed(&world.logistics, &list(&pledges.iter().take(count).collect::<Vec<_>>()));
    let one_too_many = (1..=pledges.len()).find(|count| of_first(*count).len() > DeliveryList::LARGEST_EVIDENCE).unwrap();
    let (longest, longer) = (of_first(one_too_many - 1), of_first(one_too_many));
    let masa = world.masa(world.authorities());
    let expected = format!(
        "reel, line 1: the delivery list is of {} octets, and at most 65536 are taken, because the record of each element keeps all of it: its vendor has to sign it in parts, or \
         element by element as a manifest",
        longer.len()
    );
    assert_eq!(world.told(&masa, &Delivery::default(), longer), [expected]);
    let told = world.told(&masa, &Delivery::default(), longest);
    assert_eq!(told.len(), one_too_many - 1);
    assert!((1..).zip(&told).all(|(row, told)| *told == format!("reel, line 1, row {row}: D{}", row - 1)), "{told:?}");
}

#[test]
fn list_of_a_stranger_or_one_that_the_command_line_contradicts_is_refused_as_a_whole() {
    let world = World::new();
    let pledge = world.maker.pledge("A");
    let masa = world.masa(world.authorities());
    let by_stranger = world.told(&masa, &Delivery::default(), signed(&World::new().logistics, &list(&[&pledge])));
    assert!(by_stranger.len() == 1 && by_stranger[0].contains("does not lead to a configured trust anchor"), "{by_stranger:?}");
    let own = signed(&world.logistics, &list(&[&pledge]));
    let injected = Delivery { se_generation: Some(SecureElementGeneration::Injected), ..Delivery::default() };
    assert_eq!(world.told(&masa, &injected, own.clone()), ["reel, line 1: --se-generation is injected, but delivery 'reel 7' says internal"]);
    assert_eq!(world.told(&masa, &FULL, own), ["reel, line 1: --ca-arrangement is silicon-generic, but delivery 'reel 7' says silicon-operates-for-oem"]);
    assert_eq!(world.told(&masa, &Delivery::default(), signed(&world.logistics, &list(&[]))), ["reel, line 1: delivery 'reel 7' has no elements"]);
}

#[test]
fn import_of_manifests_alone_takes_both_forms_and_refuses_reports() {
    let world = World::new();
    let (one, two) = (world.maker.pledge("A"), world.maker.pledge("B"));
    let (masa, station) = (world.masa(world.authorities()), world.maker.station_party());
    let told = |input: Vec<u8>| {
        let mut told = Vec::new();
        let import = Import::new(&masa, Want::Record).signing_as(&station).of_delivery(&FULL).of_manifests_only();
        let flow = import.run("reel", Cursor::new(input), &mut |outcome| {
            told.push(shown(outcome));
            ControlFlow::Continue(())
        });
        assert_eq!(flow, ControlFlow::Continue(()));
        told
    };
    assert_eq!(told(array(&[&world.element("01", &one)])), ["reel, line 1: A"]);
    let generic = DeliveryList { ca_arrangement: CaArrangement::SiliconGeneric, ..list(&[&two]) };
    assert_eq!(told(signed(&world.logistics, &generic)), ["reel, line 1, row 1: B"]);
    let refused = "reel, line 1: what stands here is neither a manifest nor a delivery list of secure elements, which --manifest demands; it and what follows it were not read";
    let report = world.maker.report(&one, None).wire().to_vec();
    for input in [b"idevid,method\nx,y\n".to_vec(), b"{\"idevid\":\"\"}\n{\"idevid\":\"\"}\n".to_vec(), report] {
        assert_eq!(told(input), [refused]);
    }
}
