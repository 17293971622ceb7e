//! Mistakes in octets.

use proptest::prelude::*;
use proptest::sample::Index;

/// Octets that differ from an artefact in few places.
#[derive(Clone, Debug)]
pub(crate) enum Edit {
    Set(Index, u8),
    Insert(Index, u8),
    Remove(Index, usize),
    Repeat(Index, usize),
    CutOff(Index),
}

pub(crate) fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        6 => (any::<Index>(), any::<u8>()).prop_map(|(at, octet)| Edit::Set(at, octet)),
        2 => (any::<Index>(), any::<u8>()).prop_map(|(at, octet)| Edit::Insert(at, octet)),
        2 => (any::<Index>(), 1..40_usize).prop_map(|(at, count)| Edit::Remove(at, count)),
        2 => (any::<Index>(), 1..400_usize).prop_map(|(at, count)| Edit::Repeat(at, count)),
        1 => any::<Index>().prop_map(Edit::CutOff),
    ]
}

pub(crate) fn apply(octets: &mut Vec<u8>, edit: &Edit) {
    let place = |index: &Index| index.index(octets.len() + 1);
    match edit {
        Edit::Set(at, octet) => {
            let at = place(at);
            octets.get_mut(at).into_iter().for_each(|old| *old = *octet);
        }
        Edit::Insert(at, octet) => octets.insert(place(at), *octet),
        Edit::Remove(at, count) => {
            let from = place(at);
            octets.drain(from..(from + count).min(octets.len()));
        }
        Edit::Repeat(at, count) => {
            let from = place(at);
            let again = octets[from..(from + count).min(octets.len())].to_vec();
            octets.splice(from..from, again);
        }
        Edit::CutOff(at) => octets.truncate(place(at)),
    }
}
