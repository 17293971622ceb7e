//! Who gives way where there is no room for another stranger. Anybody can make up keys and names, so that it must not help to come often.

use std::collections::BTreeMap;

use brski_common::{SpkiDigest, UnixTime};

use super::{Strangers, Waiting};

/// Who made a stranger, as far as it shows that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Maker {
    /// The key of the topmost CA whose certificate it presented, above its own by signatures: who has not that CA's key is not counted with those who have.
    Shown(SpkiDigest),
    /// SHA-256 over the Name that its certificate has for its issuer, which anybody can write.
    Claimed([u8; 32]),
    /// Its certificates cannot be read.
    Unreadable,
}

/// Takes out who waits no longer at `now`, and who gives way to one more of this maker; returns their keys.
pub(super) fn make(waiting: &mut Waiting, newcomer: Maker, now: UnixTime) -> Vec<SpkiDigest> {
    let mut gone: Vec<SpkiDigest> = waiting.iter().filter(|(_, (_, stranger))| !stranger.waits_at(now)).map(|(key, _)| *key).collect();
    gone.iter().for_each(|key| drop(waiting.remove(key)));
    while let Some(key) = crowded_out(waiting, newcomer) {
        waiting.remove(&key);
        gone.push(key);
    }
    gone
}

/// The oldest of the newcomer's maker if that has its share already; if all room is taken, the oldest of the maker that has the most.
fn crowded_out(waiting: &Waiting, newcomer: Maker) -> Option<SpkiDigest> {
    let mut of_makers: BTreeMap<Maker, usize> = BTreeMap::new();
    waiting.values().for_each(|(maker, _)| *of_makers.entry(*maker).or_default() += 1);
    let of_newcomer = of_makers.get(&newcomer).copied().unwrap_or_default();
    let most = of_makers.values().max().copied().unwrap_or_default();
    let gives_way = |maker: &Maker| match of_newcomer >= Strangers::MOST_OF_ONE_MAKER {
        true => *maker == newcomer,
        false => waiting.len() >= Strangers::MOST && of_makers.get(maker) == Some(&most),
    };
    let candidates = waiting.iter().filter(|(_, (maker, _))| gives_way(maker));
    candidates.min_by_key(|(key, (_, stranger))| (stranger.since, **key)).map(|(key, _)| *key)
}
