//! Devices that no voucher key covers, in words: they get no vouchers.

use brski_common::time::to_rfc3339;
use brski_common::{SerialNumber, UnixTime};

use super::{Serials, VoucherSigners};

impl VoucherSigners {
    /// Which devices of a product line, whose serial numbers begin with `prefix`, no key covers, at the time `now`. What is in here was found; serial numbers that nobody
    /// gives to a device may be among it.
    pub fn gaps(&self, prefix: &str, now: UnixTime) -> Vec<String> {
        let mut gaps = self.gaps_between_serials();
        gaps.extend(self.gaps_around_serials(prefix));
        gaps.extend(self.gaps_in_time(now));
        gaps
    }

    fn gaps_between_serials(&self) -> Vec<String> {
        let range = |serials: &Serials| match serials {
            Serials::Range { first, last } => Some((first.clone(), last.clone())),
            Serials::All | Serials::Prefix(_) => None,
        };
        let mut ranges: Vec<(SerialNumber, SerialNumber)> = self.keys.iter().filter_map(|key| range(&key.covers.serials)).collect();
        ranges.sort_by(|(a, _), (b, _)| (a.as_str().len(), a).cmp(&(b.as_str().len(), b)));
        ranges.dedup();
        let pairs = ranges.windows(2).filter_map(|pair| if let [one, other] = pair { Some((one, other)) } else { None });
        let gap = |((_, last), (first, _)): (&(SerialNumber, SerialNumber), &(SerialNumber, SerialNumber))| {
            let apart = last.as_str().len() == first.as_str().len() && !follows(last.as_str(), first.as_str());
            apart.then(|| format!("serial numbers between {last} and {first}"))
        };
        pairs.filter_map(gap).collect()
    }

    fn gaps_around_serials(&self, prefix: &str) -> Option<String> {
        let covers_line = |serials: &Serials| match serials {
            Serials::All => true,
            Serials::Prefix(own) => prefix.starts_with(own.as_str()),
            Serials::Range { .. } => false,
        };
        if self.keys.iter().any(|key| covers_line(&key.covers.serials)) {
            return None;
        }
        let mut named: Vec<String> = Vec::new();
        for key in &self.keys {
            let name = match &key.covers.serials {
                Serials::All => continue,
                Serials::Prefix(own) => format!("{own}..."),
                Serials::Range { first, last } => format!("{first} to {last}"),
            };
            if !named.contains(&name) {
                named.push(name);
            }
        }
        Some(format!("serial numbers other than {}", named.join(", ")))
    }

    /// Of keys with the same serial numbers, by when the devices were made.
    fn gaps_in_time(&self, now: UnixTime) -> Vec<String> {
        let mut gaps = Vec::new();
        for (index, key) in self.keys.iter().enumerate() {
            let same = |other: &&super::VoucherKey| other.covers.serials == key.covers.serials;
            // Told at the first of them.
            if self.keys.iter().take(index).any(|other| same(&other)) {
                continue;
            }
            let mut windows: Vec<(Option<UnixTime>, Option<UnixTime>)> = self.keys.iter().filter(same).map(|key| (key.covers.from, key.covers.until)).collect();
            windows.sort();
            let mut covered = None;
            for (place, (from, until)) in windows.iter().enumerate() {
                match (place, from, covered) {
                    (0, Some(from), _) => gaps.push(format!("devices made before {}", to_rfc3339(*from))),
                    (_, Some(from), Some(end)) if end < *from => gaps.push(format!("devices made from {} until {}", to_rfc3339(end), to_rfc3339(*from))),
                    (_, _, _) => {}
                }
                covered = *until;
            }
            if let Some(end) = covered {
                let when = if end <= now { "made now" } else { "that will be made" };
                gaps.push(format!("devices {when}, from {} on", to_rfc3339(end)));
            }
        }
        gaps
    }
}

/// Whether nothing lies between two serial numbers of one length: they differ in a decimal number at their end, by one.
fn follows(last: &str, first: &str) -> bool {
    let digits = last.bytes().rev().take_while(u8::is_ascii_digit).count();
    let split = last.len() - digits;
    let (Some((head, last)), Some((other, first))) = (last.split_at_checked(split), first.split_at_checked(split)) else { return false };
    let number = |text: &str| text.parse::<u128>().ok();
    head == other && number(last).zip(number(first)).is_some_and(|(last, first)| last.checked_add(1) == Some(first))
}

#[cfg(test)]
mod tests {
    use brski_common::time::at;

    use super::super::{Coverage, VoucherKey};
    use super::*;
    use crate::testing::{Entity, serial};

    fn gaps(prefix: &str, covers: &[Coverage]) -> Vec<String> {
        let party = Entity::root("A").party(&[]);
        let keys = covers.iter().map(|covers| VoucherKey { covers: covers.clone(), party: party.clone() });
        VoucherSigners::several(keys.collect()).gaps(prefix, at(1_000))
    }

    fn range(first: &str, last: &str) -> Coverage {
        Coverage { serials: Serials::Range { first: serial(first), last: serial(last) }, ..Coverage::default() }
    }

    fn prefix(text: &str) -> Coverage {
        Coverage { serials: Serials::Prefix(text.to_owned()), ..Coverage::default() }
    }

    fn made(from: Option<u64>, until: Option<u64>) -> Coverage {
        Coverage { from: from.map(at), until: until.map(at), ..Coverage::default() }
    }

    #[test]
    fn one_key_for_everything_leaves_none() {
        assert_eq!(gaps("", &[Coverage::default()]), Vec::<String>::new());
        assert_eq!(gaps("AB", &[prefix("A")]), Vec::<String>::new());
    }

    #[test]
    fn serial_numbers_between_two_ranges_are_named() {
        assert_eq!(gaps("", &[range("A20", "A30"), range("A10", "A19")]), ["serial numbers other than A20 to A30, A10 to A19"]);
        let found = gaps("", &[range("A10", "A19"), range("A25", "A30")]);
        assert_eq!(found, ["serial numbers between A19 and A25", "serial numbers other than A10 to A19, A25 to A30"]);
    }

    #[test]
    fn other_prefixes_of_the_line_are_named() {
        assert_eq!(gaps("A", &[prefix("AB"), prefix("AC")]), ["serial numbers other than AB..., AC..."]);
    }

    #[test]
    fn times_before_between_and_after_are_named() {
        assert_eq!(gaps("", &[made(None, Some(5)), made(Some(5), None)]), Vec::<String>::new());
        let found = gaps("", &[made(Some(10), Some(20)), made(Some(30), Some(2_000))]);
        assert_eq!(
            found,
            [
                "devices made before 1970-01-01T00:00:10Z",
                "devices made from 1970-01-01T00:00:20Z until 1970-01-01T00:00:30Z",
                "devices that will be made, from 1970-01-01T00:33:20Z on"
            ]
        );
        assert_eq!(gaps("", &[made(None, Some(900))]), ["devices made now, from 1970-01-01T00:15:00Z on"]);
    }
}
